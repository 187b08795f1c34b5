// Byte by byte.
#include "tests/packets/errors.h"

#include <algorithm>
#include <cstring>

#include "dataplane/wire/quote.h"
#include "tests/packets/reference_sum.h"

namespace cardea::dataplane::test {

wire::Frame icmp_frame(const Frame& bytes) {
  FlowTuple addresses;
  wire::Frame frame = wire::read_frame(bytes, addresses);
  frame.l4 = frame.family == 4 ? 34 : 54;
  return frame;
}

Frame error_about(const Frame& about, const Error& error) {
  FlowTuple t;
  const wire::Frame read = wire::read_frame(about, t);
  const size_t quoted = std::min<size_t>(error.quoted, read.l3_length), l3 = read.family == 4 ? 20 : 40;
  const IpAddress from = IpAddress::parse(error.from).value();
  Frame bytes = frame({.tuple = {from, t.source, 1, 1, Protocol::kUdp}, .payload = uint16_t(quoted)});
  std::byte *ip = bytes.data() + 14, *icmp = ip + l3;
  ip[read.family == 4 ? 9 : 6] = std::byte{read.family == 4 ? wire::kIcmp : wire::kIcmpV6};
  std::memset(icmp, 0, 8);
  icmp[0] = std::byte{error.type}, icmp[1] = std::byte{error.code};
  store_be16(icmp + 6, 1400);
  std::memcpy(icmp + 8, about.data() + 14, quoted);
  const wire::Frame made = icmp_frame(bytes);
  set_ip_sum(bytes, made);
  set_icmp_sum(bytes, made);
  return bytes;
}

}  // namespace cardea::dataplane::test
