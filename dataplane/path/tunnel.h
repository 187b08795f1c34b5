// ipip: the packet travels whole behind an outer header (RFC 2003, RFC 2473). Bodies stand in a header because each
// packet needs them.
#pragma once

#include "dataplane/path/leave.h"
#include "dataplane/path/own_id.h"

namespace cardea::dataplane::path {

inline constexpr uint8_t kOuterTtl = 64, kIpInIp = 4, kIpv6InIp = 41;

// The outer packet may be cut where the inner one may (RFC 2003 3.1), and where its sender cannot make it smaller
// (RFC 2473 7.1 b, RFC 4213 3.2.1).
inline bool tunnel_may_be_cut(const wire::Frame& inner) {
  return inner.family == 4 ? may_be_cut(inner) : inner.l3_length <= kIpv6MtuMin;
}

// Put together in registers, checksum included: narrow stores that a wider load reads again would stall.
inline void write_outer_v4(std::byte* ip, const PlanPort& port, const LiveSlot& slot, const wire::Frame& inner, uint8_t tos,
                    uint16_t id) {
  const uint64_t length = __builtin_bswap16(uint16_t(20 + inner.l3_length));
  const uint64_t dont_fragment = tunnel_may_be_cut(inner) ? 0 : 0x40;
  const uint64_t first = 0x45 | uint64_t{tos} << 8 | length << 16 | uint64_t{id} << 32 | dont_fragment << 48;
  const uint64_t source = load_native<uint32_t>(port.own_v4.v4_data());
  const uint64_t second = kOuterTtl | uint64_t{inner.family == 4 ? kIpInIp : kIpv6InIp} << 8 | source << 32;
  const auto destination = load_native<uint32_t>(slot.address.v4_data());
  const uint64_t sum = (first & 0xffffffff) + (first >> 32) + (second & 0xffffffff) + source + destination;
  store_native(ip, first);
  store_native(ip + 8, second | uint64_t{uint16_t(~wire::fold(sum))} << 16);
  store_native(ip + 16, destination);
}

inline void write_outer_v6(std::byte* ip, const PlanPort& port, const LiveSlot& slot, const wire::Frame& inner, uint8_t tos,
                    uint64_t hash) {
  // The flow label carries the flow's entropy (RFC 6438), so that routers and the backend's NIC spread tunnels.
  store_be32(ip, 0x60000000u | uint32_t{tos} << 20 | uint32_t(hash & 0xfffff));
  store_be16(ip + 4, inner.l3_length);
  ip[6] = std::byte(inner.family == 4 ? kIpInIp : kIpv6InIp);
  ip[7] = std::byte(kOuterTtl);
  __builtin_memcpy(ip + 8, port.own_v6.bytes.data(), 16);
  __builtin_memcpy(ip + 24, slot.address.bytes.data(), 16);
}

inline uint8_t tos_of(const std::byte* ip, uint8_t family) {
  return family == 4 ? uint8_t(ip[1]) : uint8_t(load_be16(ip) >> 4);
}

inline uint16_t outer_size(const LiveSlot& slot) {
  return slot.family == 4 ? 20 : 40;
}


// Precondition: `packet` has room for the outer header before it, and the port an address of the slot's family.
inline void encapsulate(WorkerState& worker, Batch& batch, uint32_t row, const LiveSlot& slot, const Hop& hop) {
  const wire::Frame& frame = batch.frame[row];
  const PlanPort& port = worker.plan->ports[hop.port];
  const uint16_t outer = outer_size(slot);
  std::byte* inner = batch.data[row] + frame.l3;
  const uint8_t tos = tos_of(inner, frame.family);
  count_hop(inner, frame.family);
  if (slot.family == 4)
    write_outer_v4(inner - outer, port, slot, frame, tos, tunnel_may_be_cut(frame) ? own_id(worker) : ++worker.ip_id);
  else
    write_outer_v6(inner - outer, port, slot, frame, tos, batch.hash[row]);
  resize(*batch.packet[row], frame, outer);
  batch.data[row] -= outer;
  write_link(batch.data[row], hop, ether_type(slot.family));
  batch.out_length[row] = batch.packet[row]->data_len;
}

}  // namespace cardea::dataplane::path
