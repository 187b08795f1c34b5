#include "l7/runtime/socket_address.h"

#include <arpa/inet.h>

#include <cstring>

namespace cardea::l7 {

SocketAddress::SocketAddress(const Endpoint& endpoint) {
  if (endpoint.address.is_v4()) {
    auto& at = reinterpret_cast<sockaddr_in&>(storage);
    at.sin_family = AF_INET;
    at.sin_port = htons(endpoint.port);
    std::memcpy(&at.sin_addr, endpoint.address.v4_data(), 4);
    length = sizeof at;
  } else {
    auto& at = reinterpret_cast<sockaddr_in6&>(storage);
    at.sin6_family = AF_INET6;
    at.sin6_port = htons(endpoint.port);
    std::memcpy(&at.sin6_addr, endpoint.address.bytes.data(), 16);
    length = sizeof at;
  }
}

Endpoint SocketAddress::endpoint() const {
  if (storage.ss_family == AF_INET) {
    const auto& at = reinterpret_cast<const sockaddr_in&>(storage);
    return {IpAddress::v4_bytes(&at.sin_addr), ntohs(at.sin_port)};
  }
  if (storage.ss_family == AF_INET6) {
    const auto& at = reinterpret_cast<const sockaddr_in6&>(storage);
    return {IpAddress::v6_bytes(&at.sin6_addr), ntohs(at.sin6_port)};
  }
  return {};
}

}  // namespace cardea::l7
