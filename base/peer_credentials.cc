#include "base/peer_credentials.h"

#include <sys/socket.h>
#include <unistd.h>

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

}  // namespace cardea
