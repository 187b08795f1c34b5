#include "l7/tcp/checksum.h"
#include "l7/tcp/segment.h"

namespace cardea::l7::tcp {
namespace {

constexpr uint8_t kTcpProtocol = 6, kHopByHop = 0, kRouting = 43, kDestinationOptions = 60;

// What an IP header says: who, and where the segment lies.
struct Carried {
  IpAddress source, destination;
  Bytes addresses, segment;
  Ecn ecn = Ecn::kNotEct;
};

std::expected<Carried, SegmentFault> read_ipv4(Bytes packet) {
  if (packet.size() < kIpv4Header) return std::unexpected(SegmentFault::kCut);
  const std::byte* at = packet.data();
  const size_t header = size_t(at[0] & std::byte{15}) * 4, total = load_be16(at + 2);
  if (header < kIpv4Header || total < header || total > packet.size()) return std::unexpected(SegmentFault::kCut);
  if (folded(sum_of(packet.first(header))) != 0xffff) return std::unexpected(SegmentFault::kChecksum);
  if (load_be16(at + 6) & 0x3fff) return std::unexpected(SegmentFault::kFragment);
  if (uint8_t(at[9]) != kTcpProtocol) return std::unexpected(SegmentFault::kNotTcp);
  return Carried{.source = IpAddress::v4_bytes(at + 12),
                 .destination = IpAddress::v4_bytes(at + 16),
                 .addresses = packet.subspan(12, 8),
                 .segment = packet.subspan(header, total - header),
                 .ecn = Ecn(uint8_t(at[1]) & 3)};
}

// Extension headers that a host passes over (RFC 8200 4): a route that is not at its end is not for us.
std::expected<Bytes, SegmentFault> past_extensions(uint8_t next, Bytes rest) {
  while (next == kHopByHop || next == kRouting || next == kDestinationOptions) {
    if (rest.size() < 8) return std::unexpected(SegmentFault::kCut);
    const size_t size = 8 + 8 * size_t(rest[1]);
    if (size > rest.size()) return std::unexpected(SegmentFault::kCut);
    if (next == kRouting && rest[3] != std::byte{0}) return std::unexpected(SegmentFault::kAddress);
    next = uint8_t(rest[0]);
    rest = rest.subspan(size);
  }
  if (next != kTcpProtocol) return std::unexpected(SegmentFault::kNotTcp);
  return rest;
}

std::expected<Carried, SegmentFault> read_ipv6(Bytes packet) {
  if (packet.size() < kIpv6Header) return std::unexpected(SegmentFault::kCut);
  const std::byte* at = packet.data();
  const size_t size = load_be16(at + 4);
  if (kIpv6Header + size > packet.size()) return std::unexpected(SegmentFault::kCut);
  const auto segment = past_extensions(uint8_t(at[6]), packet.subspan(kIpv6Header, size));
  if (!segment) return std::unexpected(segment.error());
  Carried carried{.source = IpAddress::v6_bytes(at + 8),
                  .destination = IpAddress::v6_bytes(at + 24),
                  .addresses = packet.subspan(8, 32),
                  .segment = *segment,
                  .ecn = Ecn(uint8_t(at[1]) >> 4 & 3)};
  // Mapped addresses never travel (RFC 4291 2.5.5.2), and would be another family's connection.
  if (carried.source.is_v4() || carried.destination.is_v4()) return std::unexpected(SegmentFault::kAddress);
  return carried;
}

std::expected<Carried, SegmentFault> read_ip(Bytes packet) {
  if (packet.empty()) return std::unexpected(SegmentFault::kCut);
  const auto version = uint8_t(packet[0]) >> 4;
  if (version == 4) return read_ipv4(packet);
  if (version == 6) return read_ipv6(packet);
  return std::unexpected(SegmentFault::kNotTcp);
}

}  // namespace

bool may_be_peer(const IpAddress& address) {
  if (!address.is_v4()) {
    const bool loopback = address == IpAddress::v6_bytes("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1");
    return address.bytes[0] != 0xff && !loopback && address != IpAddress{};
  }
  const uint8_t first = address.v4_data()[0];
  return first != 0 && first != 127 && first < 224;
}

std::expected<Segment, SegmentFault> read_segment(Bytes packet, Checksum checksum) {
  const auto carried = read_ip(packet);
  if (!carried) return std::unexpected(carried.error());
  const Bytes bytes = carried->segment;
  if (bytes.size() < kTcpHeader) return std::unexpected(SegmentFault::kCut);
  const std::byte* at = bytes.data();
  const size_t header = size_t(at[12] >> 4) * 4;
  if (header < kTcpHeader || header > bytes.size()) return std::unexpected(SegmentFault::kCut);
  if (checksum == Checksum::kUnknown && tcp_sum(carried->addresses, bytes) != 0xffff)
    return std::unexpected(SegmentFault::kChecksum);
  Segment segment{.tuple = {carried->destination, carried->source, load_be16(at + 2), load_be16(at)},
                  .seq = load_be32(at + 4),
                  .ack = load_be32(at + 8),
                  .flags = uint8_t(at[13]),
                  .ecn = carried->ecn,
                  .window = load_be16(at + 14),
                  .payload = bytes.subspan(header)};
  if (segment.tuple.local_port == 0 || segment.tuple.remote_port == 0) return std::unexpected(SegmentFault::kAddress);
  segment.options = read_options(bytes.subspan(kTcpHeader, header - kTcpHeader), segment.has(kSyn));
  return segment;
}

}  // namespace cardea::l7::tcp
