// What a cardea-l7 that is replaced and its successor say to each other: packets of a pair of SOCK_SEQPACKET sockets, each
// with a head that names version and kind, and fields of a stated length, so that versions can differ. First the sockets
// (SCM_RIGHTS), then the successor's word that it serves, then the predecessor's that it does no more.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file_descriptor.h"
#include "base/ip.h"

namespace cardea::l7::handover {

struct Offer {
  struct Listening {
    Endpoint at;
    uint32_t shard = 0;
    FileDescriptor socket;
  };
  FileDescriptor plan_socket;  // listens at RUN/l7.sock
  FileDescriptor log;          // where the process writes
  std::string service_manager = {};  // what it knows of it: lines of NAME=value
  std::vector<Listening> sockets;
};

struct Serving {
  pid_t pid = 0;
  std::vector<bool> taken;  // of the offer's sockets, in their order; what is not taken has nobody but its owner
};

// Both ends; what waits for the other waits 5 s at most.
struct Ends {
  FileDescriptor predecessor, successor;
};
Result<Ends> make_ends();

Result<> send_offer(int socket, const Offer& offer);
Result<Offer> receive_offer(int socket);

Result<> send_serving(int socket, const Serving& serving);
Result<Serving> receive_serving(int socket, size_t offered);

// It listens and answers no more.
Result<> send_yours(int socket);
Result<> receive_yours(int socket);

}  // namespace cardea::l7::handover
