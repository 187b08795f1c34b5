// Who is at the other end of a Unix socket, as the kernel recorded it when he connected. A socket file's mode decides
// who may open it; this decides who may hand plans to a process, whatever became of the mode or of the groups of a
// person.
#pragma once

#include <sys/types.h>

#include "base/error.h"

namespace cardea {

struct PeerCredentials {
  pid_t pid = 0;
  uid_t user = 0;
  gid_t group = 0;  // his effective one: being a member of a group besides does not count
};

Result<PeerCredentials> peer_credentials(int socket);

// root, this process's own user, and whoever runs as its own group, as the daemons do.
bool is_own_kind(const PeerCredentials& peer);

}  // namespace cardea
