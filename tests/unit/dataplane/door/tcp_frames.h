// TCP segments of one flow for the door's tests: payload byte i of the stream is i's lowest byte, so that what was put
// together or cut can be compared with the stream.
#pragma once

#include <cstring>
#include <string>

#include "tests/packets/site.h"
#include "tests/packets/reference_sum.h"

namespace cardea::dataplane::test {

inline const FlowTuple kFlow4 = tuple("198.51.100.7:5555", "203.0.113.3:80");
inline const FlowTuple kFlow6 = tuple("[2001:db8:9::7]:5555", "[2001:db8::3]:80");

inline void set_sums(std::vector<std::byte>& frame) {
  FlowTuple t;
  const wire::Frame f = wire::read_frame(frame, t);
  set_ip_sum(frame, f);
  set_tcp_sum(frame, f);
}

inline std::vector<std::byte> segment(const FlowTuple& flow, uint32_t sequence, uint16_t payload,
                                      uint8_t flags = wire::kTcpAck) {
  std::vector<std::byte> bytes = frame({.tuple = flow, .tcp_flags = flags, .payload = payload});
  FlowTuple t;
  const uint16_t l4 = wire::read_frame(bytes, t).l4;
  store_be32(bytes.data() + l4 + 4, sequence);
  for (uint16_t i = 0; i < payload; ++i) bytes[l4 + 20u + i] = std::byte(sequence + i);
  set_sums(bytes);
  return bytes;
}

}  // namespace cardea::dataplane::test
