#include <algorithm>

#include "l7/tcp/checksum.h"
#include "l7/tcp/segment.h"

namespace cardea::l7::tcp {
namespace {

constexpr uint8_t kHopLimit = 64;

void write_ipv4(const Outgoing& segment, MutableBytes packet) {
  std::byte* at = packet.data();
  std::fill_n(at, kIpv4Header, std::byte{0});
  at[0] = std::byte{0x45};
  at[1] = std::byte(segment.ecn);
  store_be16(at + 2, uint16_t(packet.size()));
  store_be16(at + 4, segment.ip_id);
  store_be16(at + 6, 0x4000);
  at[8] = std::byte{kHopLimit};
  at[9] = std::byte{6};
  std::copy_n(segment.tuple.local.v4_data(), 4, reinterpret_cast<uint8_t*>(at + 12));
  std::copy_n(segment.tuple.remote.v4_data(), 4, reinterpret_cast<uint8_t*>(at + 16));
  store_native(at + 10, uint16_t(~folded(sum_of(packet.first(kIpv4Header)))));
}

void write_ipv6(const Outgoing& segment, MutableBytes packet) {
  std::byte* at = packet.data();
  store_be32(at, 6u << 28 | uint32_t(segment.ecn) << 20);
  store_be16(at + 4, uint16_t(packet.size() - kIpv6Header));
  at[6] = std::byte{6};
  at[7] = std::byte{kHopLimit};
  std::copy_n(segment.tuple.local.bytes.data(), 16, reinterpret_cast<uint8_t*>(at + 8));
  std::copy_n(segment.tuple.remote.bytes.data(), 16, reinterpret_cast<uint8_t*>(at + 24));
}

size_t ip_header(const Outgoing& segment) {
  return segment.tuple.local.is_v4() ? kIpv4Header : kIpv6Header;
}

}  // namespace

size_t headers_size(const Outgoing& segment) {
  return ip_header(segment) + kTcpHeader + size_of(segment.options);
}

void write_headers(const Outgoing& segment, MutableBytes packet) {
  const size_t ip = ip_header(segment);
  const bool v4 = ip == kIpv4Header;
  v4 ? write_ipv4(segment, packet) : write_ipv6(segment, packet);
  std::byte* at = packet.data() + ip;
  store_be16(at, segment.tuple.local_port);
  store_be16(at + 2, segment.tuple.remote_port);
  store_be32(at + 4, segment.seq);
  store_be32(at + 8, segment.ack);
  at[12] = std::byte((kTcpHeader + size_of(segment.options)) / 4 << 4);
  at[13] = std::byte(segment.flags);
  store_be16(at + 14, segment.window);
  store_be32(at + 16, 0);  // checksum, urgent pointer
  write_options(segment.options, at + kTcpHeader);
  const Bytes addresses = v4 ? packet.subspan(12, 8) : packet.subspan(8, 32);
  store_native(at + 16, uint16_t(~tcp_sum(addresses, packet.subspan(ip))));
}

}  // namespace cardea::l7::tcp
