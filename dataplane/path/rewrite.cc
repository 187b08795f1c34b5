// Eighth room: makes the packet that leaves. fullnat changes addresses, ports and the client's TCP numbers
// (wire/tcp_shift.h) in place and corrects the checksums by what changed (RFC 1624); ipip puts an outer header in front
// (RFC 2003, RFC 2473). Either way one hop is counted and the link addresses are those of the next hop. An ICMP error
// about a flow is translated with the packet it quotes, so that its receiver sees its own.
#include <rte_mbuf.h>

#include <algorithm>

#include "dataplane/path/path.h"
#include "dataplane/wire/checksum.h"
#include "dataplane/wire/quote.h"
#include "dataplane/wire/too_big.h"

namespace cardea::dataplane::path {
namespace {

constexpr uint8_t kOuterTtl = 64, kIpInIp = 4, kIpv6InIp = 41;

// RFC 1624 for one less in the TTL, which is the first byte of its word.
uint16_t checksum_of_one_hop(uint16_t checksum) {
  return uint16_t(checksum + 1 + (checksum >= 0xfffe));
}

void count_hop(std::byte* ip, uint8_t family) {
  if (family == 6) {
    ip[7] = std::byte(uint8_t(ip[7]) - 1);
    return;
  }
  ip[8] = std::byte(uint8_t(ip[8]) - 1);
  store_native(ip + 10, checksum_of_one_hop(load_native<uint16_t>(ip + 10)));
}

void write_link(std::byte* frame, const Hop& hop, uint16_t ether_type) {
  __builtin_memcpy(frame, static_cast<const void*>(&hop), 12);  // both addresses (state/hops.h)
  store_be16(frame + 12, ether_type);
}

void correct_l4(std::byte* l4, uint8_t protocol, uint16_t delta) {
  const bool udp = protocol == uint8_t(Protocol::kUdp);
  std::byte* at = l4 + (udp ? 6 : 16);
  const auto checksum = load_native<uint16_t>(at);
  if (udp && checksum == 0) return;  // the sender did not compute one
  const uint16_t corrected = wire::updated(checksum, delta);
  store_native<uint16_t>(at, udp && corrected == 0 ? 0xffff : corrected);
}

// What a packet of a NAT flow carries when it leaves, and what that changes in its checksums.
struct Translation {
  const std::byte *source, *destination;  // 16 bytes each
  uint16_t l3_delta, l4_delta;
  uint16_t source_port_be, destination_port_be;
  wire::TcpShift shift;
  bool own;  // the segment is the client's, and so are its sequence number and TSval
};

Translation translation_of(const FlowNat& flow, Direction direction) {
  const auto bytes = [](const auto& address) { return reinterpret_cast<const std::byte*>(address.data()); };
  if (direction == Direction::kOut)
    return {bytes(flow.service_address),
            bytes(flow.client),
            uint16_t(~flow.l3_delta),
            uint16_t(~flow.l4_delta),
            flow.head.destination_port_be,
            flow.head.source_port_be,
            -flow.shift,
            false};
  return {bytes(flow.nat_address), bytes(flow.backend),  flow.l3_delta, flow.l4_delta,
          flow.nat_port_be,        flow.backend_port_be, flow.shift,    true};
}

// Returns what it adds to the checksum's delta. `left`: bytes from the TCP or UDP header on.
uint16_t shift_tcp(std::byte* l4, uint32_t left, uint8_t protocol, bool own, const wire::TcpShift& by) {
  if (protocol != uint8_t(Protocol::kTcp)) return 0;
  const uint32_t size = wire::tcp_header_in(l4, left);
  return own ? wire::shift_own(l4, size, by) : wire::shift_echoed(l4, size, by);
}

void write_addresses(std::byte* ip, uint8_t family, const std::byte* source, const std::byte* destination) {
  if (family == 4) {
    __builtin_memcpy(ip + 12, source + 12, 4);
    __builtin_memcpy(ip + 16, destination + 12, 4);
  } else {
    __builtin_memcpy(ip + 8, source, 16);
    __builtin_memcpy(ip + 24, destination, 16);
  }
}

void translate(Batch& batch, uint32_t row, const FlowNat& flow, const Hop& hop) {
  const wire::Frame& frame = batch.frame[row];
  const Translation to = translation_of(flow, batch.direction[row]);
  std::byte* data = batch.data[row];
  std::byte *ip = data + frame.l3, *l4 = data + frame.l4;
  store_native(l4, to.source_port_be | uint32_t{to.destination_port_be} << 16);
  const uint32_t left = uint32_t{frame.l3} + frame.l3_length - frame.l4;
  const uint16_t shifted = shift_tcp(l4, left, frame.protocol, to.own, to.shift);
  correct_l4(l4, frame.protocol, wire::add_deltas(to.l4_delta, shifted));
  write_addresses(ip, frame.family, to.source, to.destination);
  if (frame.family == 4) store_native(ip + 10, wire::updated(load_native<uint16_t>(ip + 10), to.l3_delta));
  count_hop(ip, frame.family);
  write_link(data, hop, frame.family == 4 ? wire::kEtherIpv4 : wire::kEtherIpv6);
}

// The quoted packet went the other way: its source is whom the error goes to. `left` bytes of it are there, with at
// least 8 of its TCP or UDP header.
void translate_quoted(std::byte* quoted, uint32_t left, uint8_t family, const Translation& to) {
  const uint16_t header = wire::quoted_header(quoted, family);
  const auto protocol = uint8_t(quoted[family == 4 ? 9 : 6]);
  std::byte* l4 = quoted + header;
  const uint32_t checksum_end = protocol == uint8_t(Protocol::kUdp) ? 8 : 18;
  store_native(l4, to.destination_port_be | uint32_t{to.source_port_be} << 16);
  const uint16_t shifted = shift_tcp(l4, left - header, protocol, !to.own, to.shift);
  if (left >= header + checksum_end) correct_l4(l4, protocol, wire::add_deltas(to.l4_delta, shifted));
  write_addresses(quoted, family, to.destination, to.source);
  if (family == 4) store_native(quoted + 10, wire::updated(load_native<uint16_t>(quoted + 10), to.l3_delta));
}

// The error comes from us then, as the packet it is about seemed to: a router's address behind the service is nobody's
// business in front of it, and one before the service could be refused behind it.
void translate_error(Batch& batch, uint32_t row, const FlowNat& flow, const Hop& hop) {
  const wire::Frame& frame = batch.frame[row];
  const Translation to = translation_of(flow, batch.direction[row]);
  std::byte* data = batch.data[row];
  std::byte *ip = data + frame.l3, *icmp = data + frame.l4;
  const uint32_t end = uint32_t{frame.l3} + frame.l3_length;
  translate_quoted(icmp + wire::kIcmpHeader, end - frame.l4 - wire::kIcmpHeader, frame.family, to);
  write_addresses(ip, frame.family, to.source, to.destination);
  store_native<uint16_t>(icmp + 2, 0);
  store_native(icmp + 2, uint16_t(~wire::icmp_sum(data, frame)));
  if (frame.family == 4) {
    store_native<uint16_t>(ip + 10, 0);
    store_native(ip + 10, uint16_t(~wire::fold(wire::sum_bytes(ip, frame.l4 - frame.l3))));
  }
  count_hop(ip, frame.family);
  write_link(data, hop, frame.family == 4 ? wire::kEtherIpv4 : wire::kEtherIpv6);
}

// Put together in registers, checksum included: narrow stores that a wider load reads again would stall.
void write_outer_v4(std::byte* ip, const PlanPort& port, const LiveSlot& slot, const wire::Frame& inner, uint8_t tos,
                    uint16_t id) {
  const uint64_t length = __builtin_bswap16(uint16_t(20 + inner.l3_length));
  const uint64_t dont_fragment = inner.family == 6 || inner.flags & wire::kDontFragment ? 0x40 : 0;
  const uint64_t first = 0x45 | uint64_t{tos} << 8 | length << 16 | uint64_t{id} << 32 | dont_fragment << 48;
  const uint64_t source = load_native<uint32_t>(port.own_v4.v4_data());
  const uint64_t second = kOuterTtl | uint64_t{inner.family == 4 ? kIpInIp : kIpv6InIp} << 8 | source << 32;
  const auto destination = load_native<uint32_t>(slot.address.v4_data());
  const uint64_t sum = (first & 0xffffffff) + (first >> 32) + (second & 0xffffffff) + source + destination;
  store_native(ip, first);
  store_native(ip + 8, second | uint64_t{uint16_t(~wire::fold(sum))} << 16);
  store_native(ip + 16, destination);
}

void write_outer_v6(std::byte* ip, const PlanPort& port, const LiveSlot& slot, const wire::Frame& inner, uint8_t tos,
                    uint64_t hash) {
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

// The packet grows at its front by `outer` bytes and loses the padding that a short frame came with.
void resize(rte_mbuf& packet, const wire::Frame& frame, uint16_t outer) {
  const auto length = uint16_t(outer + frame.l3 + frame.l3_length);
  packet.data_off = uint16_t(packet.data_off - outer);
  packet.data_len = length;
  packet.pkt_len = length;
}

uint16_t outer_size(const LiveSlot& slot) {
  return slot.family == 4 ? 20 : 40;
}

Reason encapsulate(WorkerState& worker, Batch& batch, uint32_t row, const LiveSlot& slot, const Hop& hop) {
  const wire::Frame& frame = batch.frame[row];
  const PlanPort& port = worker.plan->ports[hop.port];
  const bool outer_v4 = slot.family == 4;
  const uint16_t outer = outer_size(slot);
  if (!(outer_v4 ? port.has_v4 : port.has_v6)) [[unlikely]]
    return Reason::k_no_source_address;
  rte_mbuf& packet = *batch.packet[row];
  if (packet.data_off < outer) [[unlikely]]
    return Reason::k_no_headroom;
  std::byte* inner = batch.data[row] + frame.l3;
  const uint8_t tos = tos_of(inner, frame.family);
  count_hop(inner, frame.family);
  if (outer_v4)
    write_outer_v4(inner - outer, port, slot, frame, tos, ++worker.ip_id);
  else
    write_outer_v6(inner - outer, port, slot, frame, tos, batch.hash[row]);
  resize(packet, frame, outer);
  batch.data[row] -= outer;
  write_link(batch.data[row], hop, outer_v4 ? wire::kEtherIpv4 : wire::kEtherIpv6);
  batch.out_length[row] = packet.data_len;
  return Reason::kNone;
}

// Too big a packet becomes the error that its sender has to get, or is dropped without one: when the packet may be cut
// into fragments, when the sender's hop is not known, and when one was told this millisecond (RFC 1812 4.3.2.8).
void refuse_too_big(WorkerState& worker, Batch& batch, uint32_t row, uint16_t mtu) {
  batch.drop(row, Reason::k_too_big);
  const wire::Frame& frame = batch.frame[row];
  rte_mbuf& packet = *batch.packet[row];
  const uint16_t front = wire::error_front(frame.family);
  const bool may_be_cut = frame.family == 4 && !(frame.flags & wire::kDontFragment);
  if (worker.dry || may_be_cut || frame.flags & wire::kQuote || packet.data_off < front) return;
  const HopId id = worker.hops->routes.lookup(batch.tuple[row].source);
  if (id == kNoHop || worker.hops->hops[id].state == HopState::kFailed || worker.told_ms == worker.now_ms) return;
  worker.told_ms = worker.now_ms;
  batch.hop[row] = id;
  std::byte* ip = batch.data[row] + frame.l3;
  const uint16_t length = wire::write_too_big(ip, frame.family, frame.l3_length, mtu);
  packet.data_off = uint16_t(packet.data_off - front);
  packet.data_len = uint16_t(frame.l3 + length);
  packet.pkt_len = packet.data_len;
  batch.data[row] -= front;
  batch.out_length[row] = packet.data_len;
  write_link(batch.data[row], worker.hops->hops[id], frame.family == 4 ? wire::kEtherIpv4 : wire::kEtherIpv6);
  batch.leave(row, Verdict::kToSender, Reason::k_too_big);
}

// Of a dry worker: the flow that choose would have made.
bool would_be_nat(const WorkerState& worker, const Batch& batch, uint32_t row) {
  return worker.dry && batch.flow[row] == kNoFlow && batch.direction[row] == Direction::kIn &&
         (*worker.plan->services)[batch.service[row]].forward == image::Forward::fullnat;
}

// The flow that the packet is translated by; nullptr: it goes through a tunnel.
const FlowNat* nat_of(WorkerState& worker, Batch& batch, uint32_t row) {
  const FlowRef flow = batch.flow[row];
  if (flow != kNoFlow && FlowTable::kind(flow) == FlowKind::kNat) return &worker.flows.nat(flow);
  if (!would_be_nat(worker, batch, row)) [[likely]]
    return nullptr;
  const FlowTuple& tuple = batch.tuple[row];
  batch.dry_nat.head = {0, 0, 0, FlowState::kFree, tuple.protocol, tuple.source_port_be, tuple.destination_port_be};
  return &batch.dry_nat;
}

void translate_one(Batch& batch, uint32_t row, const FlowNat& nat, const Hop& hop) {
  resize(*batch.packet[row], batch.frame[row], 0);
  if (batch.frame[row].flags & wire::kQuote) [[unlikely]]
    translate_error(batch, row, nat, hop);
  else
    translate(batch, row, nat, hop);
  batch.out_length[row] = batch.packet[row]->data_len;
}

// True when the packet stays on the line.
bool rewrite_one(WorkerState& worker, Batch& batch, uint32_t row, const Hop& hop) {
  const FlowNat* nat = nat_of(worker, batch, row);
  const LiveSlot& slot = worker.plan->slots[batch.slot[row]];
  const uint32_t outer = nat != nullptr ? 0 : outer_size(slot);
  if (outer + batch.frame[row].l3_length > hop.mtu) [[unlikely]] {
    refuse_too_big(worker, batch, row, uint16_t(hop.mtu - std::min<uint32_t>(outer, hop.mtu)));
    return false;
  }
  if (nat != nullptr) {
    translate_one(batch, row, *nat, hop);
    return true;
  }
  const Reason refused = encapsulate(worker, batch, row, slot, hop);
  if (refused == Reason::kNone) [[likely]]
    return true;
  batch.drop(row, refused);
  return false;
}

}  // namespace

void rewrite(WorkerState& worker, Batch& batch) {
  const Hop* hops = worker.hops != nullptr ? worker.hops->hops.data() : nullptr;
  uint32_t live = 0;
  for (uint32_t i = 0; i < batch.live_count; ++i) {
    const uint32_t row = batch.live[i];
    batch.live[live] = uint8_t(row);
    live += rewrite_one(worker, batch, row, hops[batch.hop[row]]);
  }
  batch.live_count = live;
}

}  // namespace cardea::dataplane::path
