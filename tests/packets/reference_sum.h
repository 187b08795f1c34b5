// The internet checksum as RFC 1071 writes it down, two bytes at a time and by nothing of the product: what tests hold
// frames against, and give frames that they made.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/wire/frame.h"

namespace cardea::dataplane::test {

// One's complement sum of `bytes` and of `sum` before them; an odd last byte stands for itself and a zero.
inline uint32_t add_words(std::span<const std::byte> bytes, uint32_t sum = 0) {
  for (size_t i = 0; i < bytes.size(); ++i) {
    sum += uint32_t(bytes[i]) << (i % 2 == 0 ? 8 : 0);
    if (sum > 0xffff) sum -= 0xffff;
  }
  return sum;
}

// What belongs into a field over these bytes, host order; 0 where it is in it already.
inline uint16_t internet_checksum(std::span<const std::byte> bytes, uint32_t sum = 0) {
  return uint16_t(~add_words(bytes, sum));
}

inline bool ip_sum_right(std::span<const std::byte> frame, const wire::Frame& f) {
  return f.family == 6 || add_words(frame.subspan(f.l3, (size_t(frame[f.l3]) & 15) * 4)) == 0xffff;
}

// TCP's or UDP's, with the pseudo header (RFC 9293 3.1, RFC 768, RFC 8200 8.1).
inline uint32_t pseudo_header_sum(std::span<const std::byte> frame, const wire::Frame& f) {
  const bool v4 = f.family == 4;
  const uint32_t body = uint32_t{f.l3} + f.l3_length - f.l4;
  return add_words(frame.subspan(f.l3 + (v4 ? 12u : 8u), v4 ? 8 : 32), body + f.protocol);
}
inline uint32_t l4_sum_by_reference(std::span<const std::byte> frame, const wire::Frame& f) {
  return add_words(frame.subspan(f.l4, uint32_t{f.l3} + f.l3_length - f.l4), pseudo_header_sum(frame, f));
}
inline bool l4_sum_right_by_reference(std::span<const std::byte> frame, const wire::Frame& f) {
  return l4_sum_by_reference(frame, f) == 0xffff;
}

// The fields set, whatever they hold.
inline void set_ip_sum(std::span<std::byte> frame, const wire::Frame& f) {
  if (f.family == 6) return;
  store_be16(&frame[f.l3 + 10u], 0);
  store_be16(&frame[f.l3 + 10u], internet_checksum(frame.subspan(f.l3, (size_t(frame[f.l3]) & 15) * 4)));
}
inline void set_tcp_sum(std::span<std::byte> frame, const wire::Frame& f) {
  store_be16(&frame[f.l4 + 16u], 0);
  store_be16(&frame[f.l4 + 16u], uint16_t(~l4_sum_by_reference(frame, f)));
}
// ICMP has no pseudo header, ICMPv6 has one (RFC 792, RFC 4443 2.3).
inline void set_icmp_sum(std::span<std::byte> frame, const wire::Frame& f) {
  store_be16(&frame[f.l4 + 2u], 0);
  const auto message = frame.subspan(f.l4, uint32_t{f.l3} + f.l3_length - f.l4);
  store_be16(&frame[f.l4 + 2u], f.family == 4 ? internet_checksum(message) : uint16_t(~l4_sum_by_reference(frame, f)));
}

// Both of a whole frame, which may be an ICMP message as well.
inline bool sums_right(const std::vector<std::byte>& frame) {
  FlowTuple tuple;
  wire::Frame f = wire::read_frame(frame, tuple);
  if (f.l4 == 0) f.l4 = uint16_t(f.l3 + (f.family == 4 ? (size_t(frame[f.l3]) & 15) * 4 : 40));
  if (f.protocol == 1)
    return ip_sum_right(frame, f) && internet_checksum(std::span(frame).subspan(f.l4, f.l3 + f.l3_length - f.l4)) == 0;
  return ip_sum_right(frame, f) && l4_sum_right_by_reference(frame, f);
}

}  // namespace cardea::dataplane::test
