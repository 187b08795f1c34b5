// Reading the error.
#include "dataplane/wire/tunnel_quote.h"

#include <algorithm>

#include "dataplane/wire/mapped_address.h"
#include "dataplane/wire/quote.h"

namespace cardea::dataplane::wire {
namespace {

constexpr uint8_t kIpInIp = 4, kIpv6InIp = 41;
constexpr uint16_t kLeast4 = 552, kLeast6 = 1280;  // Linux's own least for IPv4; RFC 8200 5
// What routers that name no MTU are likely to mean (RFC 1191 7.1).
constexpr uint16_t kPlateaus[] = {32000, 17914, 8166, 4352, 2002, 1492, 1006, kLeast4};

uint16_t mtu_told(uint16_t told, uint16_t quoted_length, uint8_t family) {
  if (family == 6) return std::max(told, kLeast6);
  if (told != 0) return std::max(told, kLeast4);
  const auto* below = std::ranges::find_if(kPlateaus, [&](uint16_t plateau) { return plateau < quoted_length; });
  return below == std::end(kPlateaus) ? kLeast4 : *below;
}

}  // namespace

std::optional<TunnelTooBig> read_tunnel_too_big(Bytes bytes, const Frame& frame, const FlowTuple& tuple) {
  const bool v4 = frame.family == 4;
  const std::byte *data = bytes.data(), *ip = data + frame.l3;
  if (frame.flags & kFragment || ip[v4 ? 9 : 6] != std::byte{v4 ? kIcmp : kIcmpV6}) return std::nullopt;
  const auto icmp = uint16_t(frame.l3 + (v4 ? (uint32_t(ip[0]) & 0xf) * 4 : 40u));
  const uint32_t header = v4 ? 20 : 40;
  if (icmp + kIcmpHeader + header > uint32_t{frame.l3} + frame.l3_length) return std::nullopt;
  const bool too_big = v4 ? data[icmp] == std::byte{3} && data[icmp + 1] == std::byte{4} : data[icmp] == std::byte{2};
  const std::byte* quoted = data + icmp + kIcmpHeader;
  if (!too_big || uint32_t(quoted[0]) >> 4 != frame.family) return std::nullopt;
  const auto protocol = uint8_t(quoted[v4 ? 9 : 6]);
  if (protocol != kIpInIp && protocol != kIpv6InIp) return std::nullopt;
  const auto length = uint16_t(load_be16(quoted + (v4 ? 2 : 4)) + (v4 ? 0 : 40));
  TunnelTooBig told{.mtu = mtu_told(load_be16(data + icmp + 6), length, frame.family)};
  v4 ? set_v4(told.source, quoted + 12) : set_v6(told.source, quoted + 8);
  v4 ? set_v4(told.destination, quoted + 16) : set_v6(told.destination, quoted + 24);
  Frame read = frame;
  read.l4 = icmp;
  if (told.source != tuple.destination || length <= told.mtu || icmp_sum(data, read) != 0xffff) return std::nullopt;
  return told;
}

}  // namespace cardea::dataplane::wire
