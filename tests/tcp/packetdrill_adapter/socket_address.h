// Addresses as sockets know them, and as endpoints.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "base/ip.h"

namespace cardea::packetdrill {

inline Endpoint endpoint_of(const sockaddr* address) {
  if (address->sa_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, address, sizeof v6);
    return {IpAddress::v6_bytes(&v6.sin6_addr), ntohs(v6.sin6_port)};
  }
  sockaddr_in v4;
  std::memcpy(&v4, address, sizeof v4);
  return {IpAddress::v4_bytes(&v4.sin_addr), ntohs(v4.sin_port)};
}

inline bool is_unspecified(const IpAddress& address) {
  return address == IpAddress{} || (address.is_v4() && address.v4_host_order() == 0);
}

// As a socket of that domain has it: IPv4 is mapped where the domain is IPv6.
inline void write_address(const Endpoint& endpoint, int domain, sockaddr* to, socklen_t* size) {
  sockaddr_storage storage{};
  socklen_t used;
  if (domain != AF_INET6) {
    sockaddr_in v4{.sin_family = AF_INET, .sin_port = htons(endpoint.port)};
    std::memcpy(&v4.sin_addr, endpoint.address.v4_data(), 4);
    std::memcpy(&storage, &v4, used = sizeof v4);
  } else {
    sockaddr_in6 v6{.sin6_family = AF_INET6, .sin6_port = htons(endpoint.port)};
    std::memcpy(&v6.sin6_addr, endpoint.address.bytes.data(), 16);
    std::memcpy(&storage, &v6, used = sizeof v6);
  }
  std::memcpy(to, &storage, std::min(*size, used));
  *size = used;
}

}  // namespace cardea::packetdrill
