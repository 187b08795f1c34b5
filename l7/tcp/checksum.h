// The Internet checksum (RFC 1071) over TCP's pseudo header (RFC 9293 3.1, RFC 8200 8.1) and IPv4's header. Sums are of
// words as they stand in memory.
#pragma once

#include "base/bytes.h"

namespace cardea::l7::tcp {

inline uint16_t folded(uint64_t sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return uint16_t(sum);
}

// Of at most 64 KB, an odd last byte padded with zero; added to `sum`.
inline uint64_t sum_of(Bytes bytes, uint64_t sum = 0) {
  const std::byte* at = bytes.data();
  size_t size = bytes.size();
  uint64_t a = 0, b = 0, c = 0, d = 0;  // four sums that do not wait for each other
  for (; size >= 16; size -= 16, at += 16) {
    a += load_native<uint32_t>(at);
    b += load_native<uint32_t>(at + 4);
    c += load_native<uint32_t>(at + 8);
    d += load_native<uint32_t>(at + 12);
  }
  sum += a + b + c + d;
  for (; size >= 4; size -= 4, at += 4) sum += load_native<uint32_t>(at);
  if (size >= 2) sum += load_native<uint16_t>(at), size -= 2, at += 2;
  if (size == 1) sum += uint64_t(*at);
  return sum;
}

// `addresses`: source and destination as they stand in the IP header, 8 or 32 bytes; `size`: of TCP's header and data.
// 0xffff over a packet that is right.
inline uint16_t tcp_sum(Bytes addresses, Bytes segment) {
  const auto size = uint32_t(segment.size());
  return folded(sum_of(segment, sum_of(addresses) + __builtin_bswap32(size) + __builtin_bswap16(6)));
}

}  // namespace cardea::l7::tcp
