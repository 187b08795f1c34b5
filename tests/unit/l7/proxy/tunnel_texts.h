// What tests of tunnels send: a wish for a WebSocket, its acceptance (RFC 6455 1.3), and bytes that tell their place.
#pragma once

#include <cstddef>
#include <string>

namespace cardea::l7::proxy::test {

inline constexpr const char* kWish =
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: "
    "dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
inline constexpr const char* kAccepted =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
    "s3p\r\n\r\n";

inline std::string pattern(size_t bytes) {
  std::string text(bytes, '\0');
  for (size_t i = 0; i < bytes; ++i) text[i] = char(i * 7 + i / 253);
  return text;
}

}  // namespace cardea::l7::proxy::test
