// Reading the packet behind an ICMP header.
#include "dataplane/wire/quote.h"

#include "dataplane/wire/checksum.h"
#include "dataplane/wire/mapped_address.h"

namespace cardea::dataplane::wire {
namespace {

constexpr uint8_t kTcp = 6, kUdp = 17;
constexpr uint32_t kPortsAndMore = 8;  // of the quoted TCP or UDP header: what every error has (RFC 792)

// Unreachable, time exceeded, parameter problem; of IPv6, packet too big as well.
bool is_error(uint8_t type, uint8_t family) {
  if (family == 6) return type >= 1 && type <= 4;
  return type == 3 || type == 11 || type == 12;
}

// Where the ICMP header starts; 0 when the packet is none, or hides it behind extension headers.
uint16_t icmp_of(const std::byte* data, const Frame& frame) {
  if (frame.flags & kFragment) return 0;
  const std::byte* ip = data + frame.l3;
  if (frame.family == 4) return frame.protocol == kIcmp ? uint16_t(frame.l3 + (uint32_t(ip[0]) & 0xf) * 4) : 0;
  return frame.family == 6 && ip[6] == std::byte{kIcmpV6} ? uint16_t(frame.l3 + 40) : 0;
}

// The quoted header makes sense and is the first of its packet's fragments; `left` bytes of it are there.
bool readable(const std::byte* quoted, uint32_t left, uint8_t family) {
  if (left < (family == 4 ? 20u : 40u) || uint32_t(quoted[0]) >> 4 != family) return false;
  const uint32_t header = quoted_header(quoted, family);
  if (header < 20 || left < header + kPortsAndMore) return false;
  const auto protocol = uint8_t(quoted[family == 4 ? 9 : 6]);
  if (protocol != kTcp && protocol != kUdp) return false;
  return family == 6 || (load_be16(quoted + 6) & 0x1fff) == 0;
}

FlowTuple turned_round(const std::byte* quoted, uint8_t family) {
  const std::byte* ports = quoted + quoted_header(quoted, family);
  FlowTuple tuple;
  if (family == 4) {
    set_v4(tuple.destination, quoted + 12);
    set_v4(tuple.source, quoted + 16);
  } else {
    set_v6(tuple.destination, quoted + 8);
    set_v6(tuple.source, quoted + 24);
  }
  tuple.destination_port_be = load_native<uint16_t>(ports);
  tuple.source_port_be = load_native<uint16_t>(ports + 2);
  tuple.protocol = Protocol(quoted[family == 4 ? 9 : 6]);
  return tuple;
}

}  // namespace

uint16_t icmp_sum(const std::byte* data, const Frame& frame) {
  const uint32_t size = uint32_t{frame.l3} + frame.l3_length - frame.l4;
  uint64_t sum = 0;
  if (frame.family == 6) {  // RFC 4443 2.3: with the pseudo header
    sum = uint64_t{__builtin_bswap32(size)} + (uint64_t{kIcmpV6} << 8);
    sum = sum_bytes(data + frame.l3 + 8, 32, sum);
  }
  return fold(sum_bytes(data + frame.l4, size, sum));
}

bool read_quote(Bytes bytes, Frame& frame, FlowTuple& tuple) {
  const std::byte* data = bytes.data();
  const uint16_t icmp = icmp_of(data, frame);
  const uint32_t end = uint32_t{frame.l3} + frame.l3_length;
  if (icmp == 0 || icmp + uint32_t{kIcmpHeader} > end || !is_error(uint8_t(data[icmp]), frame.family)) return false;
  const std::byte* quoted = data + icmp + kIcmpHeader;
  if (!readable(quoted, end - icmp - kIcmpHeader, frame.family)) return false;
  const FlowTuple quote = turned_round(quoted, frame.family);
  if (quote.destination != tuple.destination || quote.source_port_be == 0 || quote.destination_port_be == 0)
    return false;
  Frame read = frame;
  read.fault = Fault::kNone;
  read.flags |= kQuote;
  read.l4 = icmp;
  if (icmp_sum(data, read) != 0xffff) return false;
  frame = read;
  tuple = quote;
  return true;
}

}  // namespace cardea::dataplane::wire
