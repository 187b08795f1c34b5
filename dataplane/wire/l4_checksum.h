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

// What the checksum covers: the TCP or UDP header and what follows it.
inline uint32_t l4_size(const Frame& frame, const std::byte* data) {
  if (frame.protocol == uint8_t(Protocol::kUdp)) return load_be16(data + frame.l4 + 4);
  return uint32_t{frame.l3} + frame.l3_length - frame.l4;
}

// A host that expects a NIC to finish its checksums leaves the pseudo header's sum in the field (Linux calls it
// CHECKSUM_PARTIAL), and so it looks on virtual networks, where there is no NIC. One right checksum in 65,536 looks the
// same. Precondition: as above.
inline bool l4_sum_half_done(const Frame& frame, const FlowTuple& tuple, const std::byte* data) {
  if (frame.l4 == 0 || frame.flags & (kFragment | kQuote)) return false;
  const std::byte* field = data + frame.l4 + (frame.protocol == uint8_t(Protocol::kUdp) ? 6 : 16);
  const auto found = load_native<uint16_t>(field);
  if (found != fold(sum_pseudo_header(tuple, frame.family, frame.protocol, l4_size(frame, data)))) return false;
  return !l4_sum_right(frame, tuple, data);
}

// Computes it anew, whatever the field holds. Precondition: a whole TCP or UDP packet without a fault.
inline void set_l4_sum(const Frame& frame, const FlowTuple& tuple, std::byte* data) {
  const bool udp = frame.protocol == uint8_t(Protocol::kUdp);
  std::byte* field = data + frame.l4 + (udp ? 6 : 16);
  const uint32_t size = l4_size(frame, data);
  store_native<uint16_t>(field, 0);
  const uint64_t pseudo = sum_pseudo_header(tuple, frame.family, frame.protocol, size);
  const auto sum = uint16_t(~fold(sum_bytes(data + frame.l4, size, pseudo)));
  store_native<uint16_t>(field, udp && sum == 0 ? 0xffff : sum);
}

}  // namespace cardea::dataplane::wire
