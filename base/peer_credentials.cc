#include "base/peer_credentials.h"

#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

namespace cardea {

Result<PeerCredentials> peer_credentials(int socket) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
    return fail_errno("ask who is at the other end of a socket");
  return PeerCredentials{credentials.pid, credentials.uid, credentials.gid};
}

bool is_own_kind(const PeerCredentials& peer) {
  return peer.user == 0 || peer.user == ::geteuid() || peer.group == ::getegid();
}

bool is_own_or(const PeerCredentials& peer, std::optional<uid_t> user) {
  return peer.user == 0 || peer.user == ::geteuid() || peer.user == user;
}

std::optional<uid_t> user_named(const std::string& name) {
  std::array<char, 4096> memory;
  passwd entry{}, *found = nullptr;
  if (::getpwnam_r(name.c_str(), &entry, memory.data(), memory.size(), &found) != 0 || found == nullptr) return {};
  return entry.pw_uid;
}

}  // namespace cardea
