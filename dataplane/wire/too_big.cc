// Writing the two headers.
#include "dataplane/wire/too_big.h"

#include <algorithm>
#include <cstring>

#include "dataplane/wire/checksum.h"
#include "dataplane/wire/quote.h"

namespace cardea::dataplane::wire {
namespace {

constexpr uint16_t kErrorMax4 = 576, kErrorMax6 = 1280;
constexpr uint8_t kTtl = 64;

void write_ip4(std::byte* at, const std::byte* quoted, uint16_t length) {
  std::memset(at, 0, 20);
  at[0] = std::byte{0x45};
  store_be16(at + 2, length);
  at[6] = std::byte{0x40};  // never cut, so that its identification says nothing (RFC 6864)
  at[8] = std::byte{kTtl}, at[9] = std::byte{kIcmp};
  std::memcpy(at + 12, quoted + 16, 4);
  std::memcpy(at + 16, quoted + 12, 4);
  store_native(at + 10, uint16_t(~fold(sum_plain_ipv4_header(at))));
}

void write_ip6(std::byte* at, const std::byte* quoted, uint16_t length) {
  store_be32(at, 0x60000000u);
  store_be16(at + 4, uint16_t(length - 40));
  at[6] = std::byte{kIcmpV6}, at[7] = std::byte{kTtl};
  std::memcpy(at + 8, quoted + 24, 16);
  std::memcpy(at + 24, quoted + 8, 16);
}

}  // namespace

uint16_t write_too_big(std::byte* ip, uint8_t family, uint16_t length, uint16_t mtu) {
  const bool v4 = family == 4;
  std::byte* at = ip - error_front(family);
  const Frame frame{
      .family = family,
      .l3 = 0,
      .l4 = uint16_t(v4 ? 20 : 40),
      .l3_length = std::min<uint16_t>(uint16_t(length + error_front(family)), v4 ? kErrorMax4 : kErrorMax6)};
  if (v4)
    write_ip4(at, ip, frame.l3_length);
  else
    write_ip6(at, ip, frame.l3_length);
  std::byte* icmp = at + frame.l4;
  std::memset(icmp, 0, kIcmpHeader);
  icmp[0] = std::byte{v4 ? uint8_t{3} : uint8_t{2}};
  icmp[1] = std::byte{v4 ? uint8_t{4} : uint8_t{0}};
  store_be16(icmp + 6, mtu);  // of IPv6: the lower half of 32 bits
  store_native(icmp + 2, uint16_t(~icmp_sum(at, frame)));
  return frame.l3_length;
}

}  // namespace cardea::dataplane::wire
