// The Internet checksum (RFC 1071) and its incremental update (RFC 1624). All words are as they stand in memory: one's
// complement sums do not care about byte order as long as everything that is added agrees.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace cardea::dataplane::wire {

inline uint16_t fold(uint64_t sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return uint16_t(sum);
}

// The same for sums of fewer than 65536 words.
inline uint16_t fold32(uint32_t sum) {
  sum = (sum & 0xffff) + (sum >> 16);
  return uint16_t(sum + (sum >> 16));
}

// The sum of an IPv4 header without options: most headers, and no loop.
inline uint64_t sum_plain_ipv4_header(const void* header) {
  const auto* at = static_cast<const std::byte*>(header);
  return uint64_t{load_native<uint32_t>(at)} + load_native<uint32_t>(at + 4) + load_native<uint32_t>(at + 8) +
         load_native<uint32_t>(at + 12) + load_native<uint32_t>(at + 16);
}

// The sum of `size` bytes, an odd last one padded with zero; at most 64 KB.
inline uint64_t sum_bytes(const void* bytes, size_t size, uint64_t sum = 0) {
  const auto* at = static_cast<const std::byte*>(bytes);
  for (; size >= 4; size -= 4, at += 4) sum += load_native<uint32_t>(at);
  if (size >= 2) sum += load_native<uint16_t>(at), size -= 2, at += 2;
  if (size == 1) sum += uint64_t(*at);
  return sum;
}

// RFC 1624, equation 3: what has to be added for replacing these bytes; `size` even. Deltas add up; the complement
// undoes one.
inline uint16_t delta_of(const void* before, const void* after, size_t size) {
  return fold(sum_bytes(after, size) + uint16_t(~fold(sum_bytes(before, size))));
}
inline uint16_t add_deltas(uint16_t a, uint16_t b) {
  return fold32(uint32_t{a} + b);
}
inline uint16_t updated(uint16_t checksum, uint16_t delta) {
  return uint16_t(~fold32(uint32_t{uint16_t(~checksum)} + delta));
}

}  // namespace cardea::dataplane::wire
