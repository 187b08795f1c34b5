// Who is at the other end of a Unix socket, as the kernel recorded it when he connected. A socket file's mode decides
// who may open it; this decides who may hand plans to a process, whatever became of the mode or of the groups of a
// person.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

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

// root, this process's own user, and that one: between daemons that share no group.
bool is_own_or(const PeerCredentials& peer, std::optional<uid_t> user);
// None: this host has no such user.
std::optional<uid_t> user_named(const std::string& name);

}  // namespace cardea
