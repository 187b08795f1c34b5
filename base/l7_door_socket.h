// How a door reaches cardea-l7: it connects to the dataplane's door socket (Unix SOCK_SEQPACKET, control::listen and
// connect), says how many shards it has, and is given the memory and everybody's bells, or told why not. From then on
// the connection says nothing; its end is the end of the instance, whichever side sees it. Nothing here waits: a message
// that is not there yet is an Error with retry safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/l7_door.h"

namespace cardea {

struct DoorRequest {
  uint32_t shards = 0;
};

struct DoorHandover {
  FileDescriptor memory;
  std::vector<FileDescriptor> worker_bells, shard_bells;  // eventfds
  uint32_t instance = 0;  // which of the instances that a dataplane can have at a time; decides its source ports
};

// cardea-l7's side.
Result<> ask_for_door(int socket, const DoorRequest& request);
Result<DoorHandover> receive_door(int socket);

// The dataplane's side.
Result<DoorRequest> receive_door_request(int socket);
Result<> hand_over(int socket, const L7Door& door, const std::vector<FileDescriptor>& worker_bells,
                   const std::vector<FileDescriptor>& shard_bells, uint32_t instance);
void refuse_door(int socket, const std::string& why);

// Source ports of the connections that an instance dials: it has every kInstances-th block of the range, and a shard of
// it an even share of each block's ports, so that whoever holds a packet knows whose it is.
inline constexpr uint32_t kInstances = 2;
struct DoorPorts {
  uint16_t first = 61000, last = 65535;

  bool covers(uint16_t port) const { return port >= first && port <= last; }
  static constexpr uint32_t kBlock = 256;
  uint32_t instance_of(uint16_t port) const { return uint32_t(port - first) / kBlock % kInstances; }
  uint32_t shard_of(uint16_t port, uint32_t shards) const { return uint32_t(port - first) % kBlock % shards; }
  bool operator==(const DoorPorts&) const = default;
};

}  // namespace cardea
