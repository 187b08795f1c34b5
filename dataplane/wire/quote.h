// ICMP errors (RFC 792, RFC 4443) quote the packet they are about. That packet was ours, so an error belongs to the
// flow of what the quoted packet's receiver would have sent: with the quote's tuple turned round, it walks the line as
// that flow's. Only errors with a right checksum about TCP and UDP, sent to whom they quote, are read here; anything
// else stays the kernel's.
#pragma once

#include "base/bytes.h"
#include "dataplane/wire/frame.h"

namespace cardea::dataplane::wire {

inline constexpr uint8_t kIcmp = 1, kIcmpV6 = 58;
inline constexpr uint16_t kIcmpHeader = 8;  // the quote stands behind it

// `frame` and `tuple` are what read_frame made of the bytes: a fault of kNotTcpUdp. True: the fault is gone, the frame
// is flagged kQuote, its l4 is the ICMP header, and the tuple is the quote's turned round. False: nothing is changed.
bool read_quote(Bytes bytes, Frame& frame, FlowTuple& tuple);

// The sum over the ICMP message, which is 0xffff when right; with its checksum field 0, the complement of what belongs
// there.
uint16_t icmp_sum(const std::byte* data, const Frame& frame);

// Bytes of the quoted packet's IP header.
inline uint16_t quoted_header(const std::byte* quoted, uint8_t family) {
  return family == 4 ? uint16_t((uint16_t(quoted[0]) & 0xf) * 4) : uint16_t{40};
}

}  // namespace cardea::dataplane::wire
