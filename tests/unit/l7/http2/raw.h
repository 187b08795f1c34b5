// Frames of HTTP/2 byte by byte, for what no library would send, and what comes back read the same way (RFC 9113 4.1).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cardea::l7::http2::test {

enum FrameType : uint8_t {
  kData,
  kHeaders,
  kPriority,
  kRstStream,
  kSettings,
  kPushPromise,
  kPing,
  kGoaway,
  kWindowUpdate,
  kContinuation
};
inline constexpr uint8_t kEndStream = 1, kAck = 1, kEndHeaders = 4, kPadded = 8, kHasPriority = 0x20;

inline std::string number(uint64_t value, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text.push_back(char(value >> (8 * i)));
  return text;
}

inline std::string frame(uint8_t type, uint8_t flags, uint32_t stream, std::string_view payload = {}) {
  return number(payload.size(), 3) + number(type, 1) + number(flags, 1) + number(stream, 4) + std::string(payload);
}

// A literal field without indexing, nothing compressed (RFC 7541 6.2.2); shorter than 127 bytes each.
inline std::string field(std::string_view name, std::string_view value) {
  return number(0, 1) + number(name.size(), 1) + std::string(name) + number(value.size(), 1) + std::string(value);
}

inline std::string request_block(std::string_view path = "/", std::string_view method = "GET") {
  return field(":method", method) + field(":scheme", "http") + field(":path", path) +
         field(":authority", "shop.example");
}

inline std::string headers(uint32_t stream, std::string_view block = request_block(),
                           uint8_t flags = kEndStream | kEndHeaders) {
  return frame(kHeaders, flags, stream, block);
}

inline std::string setting(uint16_t id, uint32_t value) {
  return number(id, 2) + number(value, 4);
}

inline std::string preface(std::string_view settings = {}) {
  return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(kSettings, 0, 0, settings);
}

struct Frame {
  uint8_t type = 0, flags = 0;
  uint32_t stream = 0;
  std::string payload;
  uint32_t word(size_t at = 0) const {
    uint32_t value = 0;
    for (size_t i = at; i < at + 4 && i < payload.size(); ++i) value = value << 8 | uint8_t(payload[i]);
    return value;
  }
};

// Takes the whole frames from the front of `bytes`.
inline std::vector<Frame> take_frames(std::string& bytes) {
  std::vector<Frame> all;
  const auto at = [&bytes](size_t i) { return uint32_t(uint8_t(bytes[i])); };
  while (bytes.size() >= 9) {
    const size_t size = at(0) << 16 | at(1) << 8 | at(2);
    if (bytes.size() < 9 + size) break;
    Frame one{uint8_t(bytes[3]), uint8_t(bytes[4]), at(5) << 24 | at(6) << 16 | at(7) << 8 | at(8),
              bytes.substr(9, size)};
    all.push_back(std::move(one));
    bytes.erase(0, 9 + size);
  }
  return all;
}

}  // namespace cardea::l7::http2::test
