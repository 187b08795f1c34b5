// Eighth room: makes the packet that leaves. fullnat changes addresses and ports in place and corrects the checksums by what changed
// (RFC 1624); ipip puts an outer header in front (RFC 2003, RFC 2473). Either way one hop is counted and the link addresses are
// those of the next hop.
#include <rte_mbuf.h>

#include "dataplane/path/path.h"
#include "dataplane/wire/checksum.h"

namespace cardea::dataplane::path {
namespace {

constexpr uint8_t kOuterTtl = 64, kIpInIp = 4, kIpv6InIp = 41;

void count_hop(std::byte* ip, uint8_t family) {
  if (family == 6) {
    ip[7] = std::byte(uint8_t(ip[7]) - 1);
    return;
  }
  ip[8] = std::byte(uint8_t(ip[8]) - 1);
  store_native(ip + 10, wire::updated(load_native<uint16_t>(ip + 10), 0xfffe));  // minus one, in one's complement
}

void write_link(std::byte* frame, const Hop& hop, uint16_t ether_type) {
  __builtin_memcpy(frame, hop.destination_mac.data(), 6);
  __builtin_memcpy(frame + 6, hop.source_mac.data(), 6);
  store_be16(frame + 12, ether_type);
}

void correct_l4(std::byte* l4, const wire::Frame& frame, uint16_t delta) {
  const bool udp = frame.protocol == uint8_t(Protocol::kUdp);
  std::byte* at = l4 + (udp ? 6 : 16);
  const auto checksum = load_native<uint16_t>(at);
  if (udp && checksum == 0) return;  // the sender did not compute one
  const uint16_t corrected = wire::updated(checksum, delta);
  store_native<uint16_t>(at, udp && corrected == 0 ? 0xffff : corrected);
}

void translate(Batch& batch, uint32_t row, const FlowNat& flow, const Hop& hop) {
  const wire::Frame& frame = batch.frame[row];
  const bool out = batch.direction[row] == Direction::kOut;
  std::byte* data = batch.data[row];
  std::byte *ip = data + frame.l3, *l4 = data + frame.l4;
  const auto& source = out ? flow.service_address : flow.nat_address;
  const auto& destination = out ? flow.client : flow.backend;
  const uint16_t l3_delta = out ? uint16_t(~flow.l3_delta) : flow.l3_delta;
  const uint16_t l4_delta = out ? uint16_t(~flow.l4_delta) : flow.l4_delta;
  store_native(l4, out ? flow.head.destination_port_be : flow.nat_port_be);
  store_native(l4 + 2, out ? flow.head.source_port_be : flow.backend_port_be);
  correct_l4(l4, frame, l4_delta);
  if (frame.family == 4) {
    __builtin_memcpy(ip + 12, source.data() + 12, 4);
    __builtin_memcpy(ip + 16, destination.data() + 12, 4);
    store_native(ip + 10, wire::updated(load_native<uint16_t>(ip + 10), l3_delta));
  } else {
    __builtin_memcpy(ip + 8, source.data(), 16);
    __builtin_memcpy(ip + 24, destination.data(), 16);
  }
  count_hop(ip, frame.family);
  write_link(data, hop, frame.family == 4 ? wire::kEtherIpv4 : wire::kEtherIpv6);
}

void write_outer_v4(std::byte* ip, const PlanPort& port, const LiveSlot& slot, const wire::Frame& inner, uint8_t tos, uint16_t id) {
  store_native<uint16_t>(ip, uint16_t(0x45 | tos << 8));
  store_be16(ip + 2, uint16_t(20 + inner.l3_length));
  store_be16(ip + 4, id);
  store_be16(ip + 6, inner.family == 6 || inner.flags & wire::kDontFragment ? 0x4000 : 0);
  store_native<uint16_t>(ip + 8, uint16_t(kOuterTtl | (inner.family == 4 ? kIpInIp : kIpv6InIp) << 8));
  store_native<uint16_t>(ip + 10, 0);
  __builtin_memcpy(ip + 12, port.own_v4.v4_data(), 4);
  __builtin_memcpy(ip + 16, slot.address.v4_data(), 4);
  const uint64_t sum = uint64_t{load_native<uint32_t>(ip)} + load_native<uint32_t>(ip + 4) + load_native<uint32_t>(ip + 8) +
                       load_native<uint32_t>(ip + 12) + load_native<uint32_t>(ip + 16);
  store_native<uint16_t>(ip + 10, uint16_t(~wire::fold(sum)));
}

void write_outer_v6(std::byte* ip, const PlanPort& port, const LiveSlot& slot, const wire::Frame& inner, uint8_t tos, uint64_t hash) {
  // The flow label carries the flow's entropy (RFC 6438), so that routers and the backend's NIC spread tunnels.
  store_be32(ip, 0x60000000u | uint32_t{tos} << 20 | uint32_t(hash & 0xfffff));
  store_be16(ip + 4, inner.l3_length);
  ip[6] = std::byte(inner.family == 4 ? kIpInIp : kIpv6InIp);
  ip[7] = std::byte(kOuterTtl);
  __builtin_memcpy(ip + 8, port.own_v6.bytes.data(), 16);
  __builtin_memcpy(ip + 24, slot.address.bytes.data(), 16);
}

uint8_t tos_of(const std::byte* ip, uint8_t family) {
  return family == 4 ? uint8_t(ip[1]) : uint8_t(load_be16(ip) >> 4);
}

Reason encapsulate(WorkerState& worker, Batch& batch, uint32_t row, const LiveSlot& slot, const Hop& hop) {
  const wire::Frame& frame = batch.frame[row];
  const PlanPort& port = worker.plan->ports[hop.port];
  const bool outer_v4 = slot.family == 4;
  const uint16_t outer = outer_v4 ? 20 : 40;
  if (!(outer_v4 ? port.has_v4 : port.has_v6)) return Reason::k_no_source_address;
  if (uint32_t{outer} + frame.l3_length > hop.mtu) return Reason::k_too_big;
  rte_mbuf* packet = batch.packet[row];
  if (rte_pktmbuf_headroom(packet) < outer) return Reason::k_no_headroom;
  std::byte* inner = batch.data[row] + frame.l3;
  const uint8_t tos = tos_of(inner, frame.family);
  count_hop(inner, frame.family);
  if (outer_v4) write_outer_v4(inner - outer, port, slot, frame, tos, ++worker.ip_id);
  else write_outer_v6(inner - outer, port, slot, frame, tos, batch.hash[row]);
  packet->data_off = uint16_t(packet->data_off - outer);
  packet->data_len = uint16_t(packet->data_len + outer);
  packet->pkt_len += outer;
  batch.data[row] -= outer;
  write_link(batch.data[row], hop, outer_v4 ? wire::kEtherIpv4 : wire::kEtherIpv6);
  return Reason::kNone;
}

// Padding that a short frame came with is not the packet's.
void trim(Batch& batch, uint32_t row) {
  rte_mbuf* packet = batch.packet[row];
  const auto length = uint16_t(batch.frame[row].l3 + batch.frame[row].l3_length);
  packet->data_len = length;
  packet->pkt_len = length;
}

}  // namespace

void rewrite(WorkerState& worker, Batch& batch) {
  uint32_t live = 0;
  for (uint32_t i = 0; i < batch.live_count; ++i) {
    const uint32_t row = batch.live[i];
    batch.live[live] = uint8_t(row);
    const Hop& hop = worker.hops->hops[batch.hop[row]];
    const FlowRef flow = batch.flow[row];
    const bool nat = flow != kNoFlow && FlowTable::kind(flow) == FlowKind::kNat;
    const bool dry_nat = worker.dry && flow == kNoFlow && batch.direction[row] == Direction::kIn &&
                         (*worker.plan->services)[batch.service[row]].forward == image::Forward::fullnat;
    Reason refused = Reason::kNone;
    trim(batch, row);
    if (dry_nat) {
      batch.dry_nat.head = {0, 0, 0, FlowState::kFree, Protocol(batch.frame[row].protocol), batch.tuple[row].source_port_be,
                            batch.tuple[row].destination_port_be};
      translate(batch, row, batch.dry_nat, hop);
    } else if (nat) {
      translate(batch, row, worker.flows.nat(flow), hop);
    } else {
      refused = encapsulate(worker, batch, row, worker.plan->slots[batch.slot[row]], hop);
    }
    batch.out_length[row] = uint16_t(batch.packet[row]->pkt_len);
    if (refused == Reason::kNone) [[likely]] ++live;
    else batch.drop(row, refused);
  }
  batch.live_count = live;
}

}  // namespace cardea::dataplane::path
