// TCP segments of one flow for the door's tests: payload byte i of the stream is i's lowest byte, so that what was put
// together or cut can be compared with the stream.
#pragma once

#include <cstring>
#include <string>

#include "dataplane/wire/l4_checksum.h"
#include "tests/packets/site.h"
#include "tests/packets/reference_sum.h"

namespace cardea::dataplane::test {

inline const FlowTuple kFlow4 = tuple("198.51.100.7:5555", "203.0.113.3:80");
inline const FlowTuple kFlow6 = tuple("[2001:db8:9::7]:5555", "[2001:db8::3]:80");

inline void set_sums(std::vector<std::byte>& frame) {
  FlowTuple t;
  const wire::Frame f = wire::read_frame(frame, t);
  if (f.family == 4) {
    store_native<uint16_t>(frame.data() + 24, 0);
    store_native(frame.data() + 24, uint16_t(~wire::fold(wire::sum_bytes(frame.data() + 14, 20))));
  }
  const uint32_t size = uint32_t{f.l3} + f.l3_length - f.l4;
  store_native<uint16_t>(frame.data() + f.l4 + 16, 0);
  const uint64_t pseudo = wire::sum_pseudo_header(t, f.family, f.protocol, size);
  store_native(frame.data() + f.l4 + 16, uint16_t(~wire::fold(wire::sum_bytes(frame.data() + f.l4, size, pseudo))));
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
