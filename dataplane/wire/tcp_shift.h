// The TCP connection that a fullnat backend sees is the client's with other sequence numbers and timestamps. It has to
// be: the backend closes first as a rule and keeps the NAT port in TIME-WAIT for a minute, and there it takes a SYN
// only when sequence number or timestamp are beyond the last connection's (RFC 9293 3.10.7.4, RFC 6191). Those of two
// clients do not follow on each other, so a port that came back too soon would cost its connection a second or more.
// The clock that opening numbers are taken from (RFC 6528) makes them follow.
//
// Only the client's side is shifted: towards the backend its sequence number and TSval, towards the client what the
// backend says about those: acknowledgement, SACK blocks (RFC 2018), TSecr (RFC 7323).
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "dataplane/wire/checksum.h"
#include "dataplane/wire/frame.h"

namespace cardea::dataplane::wire {

// What is added to the client's numbers on their way to the backend, modulo 2^32.
struct TcpShift {
  uint32_t sequence = 0, timestamp = 0;
  TcpShift operator-() const { return {0 - sequence, 0 - timestamp}; }
};

// For a connection that begins with this TCP header, on a NAT tuple whose keyed hash is `hash`: the numbers it opens
// with are the clock's, off by a distance that is the tuple's own.
TcpShift opening_shift(const std::byte* tcp, uint64_t hash, uint32_t now_ms);

namespace shift_detail {

inline constexpr uint32_t kSequenceAt = 4, kAcknowledgementAt = 8, kOptionsAt = 20;
// NOP, NOP, timestamps: what most segments carry, and nothing else (RFC 7323, appendix A).
inline constexpr uint32_t kOnlyTimestamps = __builtin_bswap32(0x0101080a), kWithTimestamps = 32;

// Adds to the 32-bit number there; returns what that adds to the checksum's sum, for a number at an even place.
inline uint32_t add(std::byte* at, uint32_t by) {
  const auto before = load_native<uint32_t>(at);
  const uint32_t after = __builtin_bswap32(__builtin_bswap32(before) + by);
  store_native(at, after);
  return fold(uint64_t{after} + uint32_t(~before));
}

uint32_t shift_own_options(std::byte* tcp, uint32_t size, uint32_t timestamp);
uint32_t shift_echoed_options(std::byte* tcp, uint32_t size, const TcpShift& by);

}  // namespace shift_detail

// `size`: bytes of the TCP header that are there, 8 or more; what is cut off is not shifted. Both return what has to be
// added to the checksum (wire::updated).

// The numbers of a segment from the client.
inline uint16_t shift_own(std::byte* tcp, uint32_t size, const TcpShift& by) {
  using namespace shift_detail;
  uint32_t sum = add(tcp + kSequenceAt, by.sequence);
  if (size == kWithTimestamps && load_native<uint32_t>(tcp + kOptionsAt) == kOnlyTimestamps) [[likely]]
    sum += add(tcp + kOptionsAt + 4, by.timestamp);
  else if (size > kOptionsAt)
    sum += shift_own_options(tcp, size, by.timestamp);
  return fold32(sum);
}

// The client's numbers in a segment from the backend. Without ACK there are none (RFC 9293 3.1, RFC 7323 3.2).
inline uint16_t shift_echoed(std::byte* tcp, uint32_t size, const TcpShift& by) {
  using namespace shift_detail;
  if (size < kOptionsAt || !(uint8_t(tcp[13]) & kTcpAck)) [[unlikely]]
    return 0;
  uint32_t sum = add(tcp + kAcknowledgementAt, by.sequence);
  if (size == kWithTimestamps && load_native<uint32_t>(tcp + kOptionsAt) == kOnlyTimestamps) [[likely]]
    sum += add(tcp + kOptionsAt + 8, by.timestamp);
  else if (size > kOptionsAt)
    sum += shift_echoed_options(tcp, size, by);
  return fold32(sum);
}

// Bytes of the TCP header in `left` bytes that start with it.
inline uint32_t tcp_header_in(const std::byte* tcp, uint32_t left) {
  if (left < 13) return left;
  const uint32_t size = (uint32_t(tcp[12]) >> 4) * 4;
  return size < left ? size : left;
}

}  // namespace cardea::dataplane::wire
