// The checksum of TCP and UDP over a frame whose headers were read: the pseudo header (RFC 9293 3.1, RFC 8200 8.1) and
// whether the sender's sum is right.
#pragma once

#include "dataplane/wire/checksum.h"
#include "dataplane/wire/frame.h"

namespace cardea::dataplane::wire {

// `size`: of the TCP or UDP header and what follows it.
inline uint64_t sum_pseudo_header(const FlowTuple& tuple, uint8_t family, uint8_t protocol, uint32_t size) {
  const size_t skip = family == 4 ? 12 : 0;
  uint64_t sum = uint64_t{__builtin_bswap32(size)} + (uint64_t{protocol} << 8);
  sum = sum_bytes(tuple.source.bytes.data() + skip, 16 - skip, sum);
  return sum_bytes(tuple.destination.bytes.data() + skip, 16 - skip, sum);
}

// Precondition: a TCP or UDP frame without a fault. What has no sum of its own (fragments, UDP over IPv4 without one)
// is right.
inline bool l4_sum_right(const Frame& frame, const FlowTuple& tuple, const std::byte* data) {
  if (frame.l4 == 0 || frame.flags & (kFragment | kQuote)) return true;  // covers what is not here, was looked at
  const bool udp = frame.protocol == uint8_t(Protocol::kUdp);
  if (udp && frame.family == 4 && load_native<uint16_t>(data + frame.l4 + 6) == 0) return true;  // not computed
  const uint32_t end = uint32_t{frame.l3} + frame.l3_length;
  const uint32_t size = udp ? load_be16(data + frame.l4 + 4) : end - frame.l4;
  const uint64_t sum = sum_pseudo_header(tuple, frame.family, frame.protocol, size);
  return fold(sum_bytes(data + frame.l4, size, sum)) == 0xffff;
}

}  // namespace cardea::dataplane::wire
