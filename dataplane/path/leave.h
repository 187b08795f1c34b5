// What every packet gets that leaves by a port: one hop counted, its link addresses, its length. Bodies stand in a
// header because each packet needs them.
#pragma once

#include <rte_mbuf.h>

#include "dataplane/path/batch.h"
#include "dataplane/wire/checksum.h"

namespace cardea::dataplane::path {

// RFC 1624 for one less in the TTL, which is the first byte of its word.
inline uint16_t checksum_of_one_hop(uint16_t checksum) {
  return uint16_t(checksum + 1 + (checksum >= 0xfffe));
}

inline void count_hop(std::byte* ip, uint8_t family) {
  if (family == 6) {
    ip[7] = std::byte(uint8_t(ip[7]) - 1);
    return;
  }
  ip[8] = std::byte(uint8_t(ip[8]) - 1);
  store_native(ip + 10, checksum_of_one_hop(load_native<uint16_t>(ip + 10)));
}

inline void write_link(std::byte* frame, const Hop& hop, uint16_t ether_type) {
  __builtin_memcpy(frame, static_cast<const void*>(&hop), 12);  // both addresses (state/hops.h)
  store_be16(frame + 12, ether_type);
}

inline constexpr uint32_t kIpv6MtuMin = 1280;  // of every link (RFC 8200 5)

// On its way by a router (RFC 791 2.3, RFC 8200 4.5).
inline bool may_be_cut(const wire::Frame& frame) {
  return frame.family == 4 && !(frame.flags & wire::kDontFragment);
}

inline uint16_t ether_type(uint8_t family) {
  return family == 4 ? wire::kEtherIpv4 : wire::kEtherIpv6;
}

// The packet grows at its front by `outer` bytes and loses the padding that a short frame came with.
inline void resize(rte_mbuf& packet, const wire::Frame& frame, uint16_t outer) {
  const auto length = uint16_t(outer + frame.l3 + frame.l3_length);
  packet.data_off = uint16_t(packet.data_off - outer);
  packet.data_len = length;
  packet.pkt_len = length;
}

}  // namespace cardea::dataplane::path
