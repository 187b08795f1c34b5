#include "l7/tcp/icmp_error.h"

#include <algorithm>

#include "l7/tcp/checksum.h"
#include "l7/tcp/rooms.h"

namespace cardea::l7::tcp {
namespace {

constexpr uint8_t kIcmp = 1, kIcmp6 = 58;
constexpr size_t kQuoted = 8;                      // of the TCP header, at least: ports and number

// Of the quoted packet, whose sender we are.
std::optional<IcmpError> quoted(Bytes packet, size_t header, uint32_t mtu) {
  const std::byte* at = packet.data();
  const bool v4 = header != kIpv6Header;
  const std::byte* tcp = at + header;
  IcmpError error{.seq = load_be32(tcp + 4), .mtu = mtu};
  error.tuple.local = v4 ? IpAddress::v4_bytes(at + 12) : IpAddress::v6_bytes(at + 8);
  error.tuple.remote = v4 ? IpAddress::v4_bytes(at + 16) : IpAddress::v6_bytes(at + 24);
  error.tuple.local_port = load_be16(tcp);
  error.tuple.remote_port = load_be16(tcp + 2);
  return error;
}

std::optional<IcmpError> quoted_ipv4(Bytes packet, uint32_t mtu) {
  if (packet.size() < kIpv4Header) return std::nullopt;
  const size_t header = size_t(packet[0] & std::byte{15}) * 4;
  const bool first = (load_be16(&packet[6]) & 0x1fff) == 0;
  if (uint8_t(packet[0]) >> 4 != 4 || header < kIpv4Header || packet.size() < header + kQuoted) return std::nullopt;
  if (uint8_t(packet[9]) != 6 || !first) return std::nullopt;
  return quoted(packet, header, mtu);
}

std::optional<IcmpError> quoted_ipv6(Bytes packet, uint32_t mtu) {
  if (packet.size() < kIpv6Header + kQuoted || uint8_t(packet[0]) >> 4 != 6 || uint8_t(packet[6]) != 6)
    return std::nullopt;
  return quoted(packet, kIpv6Header, mtu);
}

std::optional<IcmpError> read_icmp4(Bytes packet) {
  if (packet.size() < kIpv4Header) return std::nullopt;
  const size_t header = size_t(packet[0] & std::byte{15}) * 4, total = load_be16(&packet[2]);
  if (header < kIpv4Header || total < header + 8 || total > packet.size() || uint8_t(packet[9]) != kIcmp)
    return std::nullopt;
  const Bytes message = packet.subspan(header, total - header);
  if (uint8_t(message[0]) != 3 || folded(sum_of(message)) != 0xffff) return std::nullopt;
  const bool too_big = uint8_t(message[1]) == 4;
  return quoted_ipv4(message.subspan(8), too_big ? std::max<uint32_t>(load_be16(&message[6]), kMtuFloor4) : 0);
}

std::optional<IcmpError> read_icmp6(Bytes packet) {
  if (packet.size() < kIpv6Header + 8 || uint8_t(packet[6]) != kIcmp6) return std::nullopt;
  const size_t size = load_be16(&packet[4]);
  if (size < 8 || kIpv6Header + size > packet.size()) return std::nullopt;
  const Bytes message = packet.subspan(kIpv6Header, size);
  const uint64_t pseudo = sum_of(packet.subspan(8, 32)) + __builtin_bswap32(uint32_t(size)) + __builtin_bswap16(kIcmp6);
  if (folded(sum_of(message, pseudo)) != 0xffff) return std::nullopt;
  const auto type = uint8_t(message[0]);
  if (type != 1 && type != 2) return std::nullopt;
  return quoted_ipv6(message.subspan(8), type == 2 ? std::max<uint32_t>(load_be32(&message[4]), kMtuFloor6) : 0);
}

bool is_under_way(const Connection& c, Seq seq) {
  return !before(seq, c.snd_una) && before(seq, c.snd_nxt);
}

}  // namespace

std::optional<IcmpError> read_icmp_error(Bytes packet) {
  if (packet.empty()) return std::nullopt;
  return uint8_t(packet[0]) >> 4 == 4 ? read_icmp4(packet) : read_icmp6(packet);
}

void icmp_error_arrives(Resources& shared, Connection& c, const IcmpError& error, Instant now) {
  if (c.state == State::kClosed || c.state == State::kTimeWait || !is_under_way(c, error.seq)) {
    shared.counters.icmp_ignored++;
    return;
  }
  if (error.mtu == 0) {
    shared.counters.unreachable++;
    if (c.state == State::kSynSent) end(shared, c, Ending::kUnreachable);
    return;
  }
  if (error.mtu >= c.path_mtu) return;
  shared.counters.path_mtu_lowered++;
  c.path_mtu = uint16_t(error.mtu);
  c.mtu_lowered_at = Moment(now);
  if (c.synchronized()) resend_what_is_too_big(shared, c);
}

}  // namespace cardea::l7::tcp
