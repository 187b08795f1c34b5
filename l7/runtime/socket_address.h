// Endpoints in the form that the kernel's socket calls take, and back.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/ip.h"

namespace cardea::l7 {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = sizeof(sockaddr_storage);  // as long as the kernel may fill in

  SocketAddress() = default;
  explicit SocketAddress(const Endpoint& endpoint);
  Endpoint endpoint() const;

  sockaddr* data() { return reinterpret_cast<sockaddr*>(&storage); }
  const sockaddr* data() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

inline int address_family(const IpAddress& address) {
  return address.is_v4() ? AF_INET : AF_INET6;
}

}  // namespace cardea::l7
