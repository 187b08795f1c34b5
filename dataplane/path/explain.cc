// Explaining: a packet of the asked-for tuple on this stack, the real rooms in a dry worker, and the columns read back.
#include "dataplane/path/explain.h"

#include <fmt/format.h>
#include <rte_mbuf.h>

#include <cstring>

#include "base/maglev.h"
#include "dataplane/path/path.h"
#include "dataplane/wire/checksum.h"

namespace cardea::dataplane {
namespace {

constexpr uint16_t kRoom = 128;  // before the frame, for an outer header

struct Packet {
  alignas(64) rte_mbuf mbuf;
  alignas(64) std::byte bytes[256];
};

// The first packet of such a flow: a TCP SYN or an empty UDP datagram, with right lengths and checksums.
void make_packet(Packet& packet, const FlowTuple& tuple) {
  std::memset(static_cast<void*>(&packet), 0, sizeof packet);
  const bool v4 = tuple.source.is_v4(), tcp = tuple.protocol == Protocol::kTcp;
  const uint16_t l3 = v4 ? 20 : 40, l4 = tcp ? 20 : 8;
  std::byte* frame = packet.bytes + kRoom;
  std::byte *ip = frame + wire::kEtherHeader, *header = ip + l3;
  store_be16(frame + 12, v4 ? wire::kEtherIpv4 : wire::kEtherIpv6);
  if (v4) {
    ip[0] = std::byte{0x45};
    store_be16(ip + 2, uint16_t(l3 + l4));
    ip[8] = std::byte{64};
    ip[9] = std::byte(tuple.protocol);
    std::memcpy(ip + 12, tuple.source.v4_data(), 4);
    std::memcpy(ip + 16, tuple.destination.v4_data(), 4);
    store_native(ip + 10, uint16_t(~wire::fold(wire::sum_bytes(ip, 20))));
  } else {
    ip[0] = std::byte{0x60};
    store_be16(ip + 4, l4);
    ip[6] = std::byte(tuple.protocol);
    ip[7] = std::byte{64};
    std::memcpy(ip + 8, tuple.source.bytes.data(), 16);
    std::memcpy(ip + 24, tuple.destination.bytes.data(), 16);
  }
  store_native(header, tuple.source_port_be);
  store_native(header + 2, tuple.destination_port_be);
  if (tcp)
    header[12] = std::byte{0x50}, header[13] = std::byte(wire::kTcpSyn);
  else
    store_be16(header + 4, l4);
  rte_mbuf& mbuf = packet.mbuf;
  mbuf.buf_addr = packet.bytes;
  mbuf.buf_len = sizeof packet.bytes;
  mbuf.data_off = kRoom;
  mbuf.nb_segs = 1;
  mbuf.data_len = uint16_t(wire::kEtherHeader + l3 + l4);
  mbuf.pkt_len = mbuf.data_len;
  mbuf.ol_flags = RTE_MBUF_F_RX_L4_CKSUM_GOOD;
}

void read_back(const WorkerState& worker, const Batch& batch, Explanation& e) {
  e.verdict = batch.verdict[0];
  e.reason = batch.reason[0];
  e.service = batch.service[0];
  e.slot = batch.slot[0];
  if (e.verdict == Verdict::kDoor) e.door = batch.door[0];
  if (e.verdict == Verdict::kShard)
    e.instance = batch.instance[0], e.shard = batch.shard[0], e.owner = worker.index, e.has_hash = true,
    e.hash = batch.hash[0];
  if (e.verdict != Verdict::kForward && e.verdict != Verdict::kWait) return;
  e.hop = batch.hop[0];
  e.next_hop = worker.hops->hops[e.hop];
  const wire::Frame out = wire::read_frame({batch.data[0], batch.packet[0]->data_len}, e.rewritten);
  e.is_rewritten = true;
  e.encapsulated = out.fault == wire::Fault::kNotTcpUdp;
}

}  // namespace

uint32_t explain_owner(const LivePlan& plan, const FlowTuple& tuple, uint32_t workers, const Steering& steering) {
  const uint16_t port = __builtin_bswap16(tuple.destination_port_be);
  const bool listened =
      plan.listen_table->find(tuple.destination, tuple.destination_port_be, tuple.protocol) != kNoService;
  if (!listened && plan.is_nat_port(port) && plan.listen_table->use_of(tuple.destination) & kNatAddress)
    return NatPorts::owner(port, plan.settings.nat_port_first, workers);
  if (steering.known()) return steering.worker_of(tuple, workers);
  return owner_of(flow_hash(plan.hash_key, tuple), workers);
}

void explain(WorkerState& worker, Explanation& e) {
  Packet packet;
  make_packet(packet, e.tuple);
  Batch batch;
  batch.count = 1;
  batch.packet[0] = &packet.mbuf;
  batch.spread = true;
  worker.dry = true;
  path::parse(worker, batch);
  path::guard(worker, batch);
  path::join(worker, batch);
  path::classify(worker, batch);
  if (batch.live_count == 1) {
    e.has_hash = true;
    e.hash = batch.hash[0];
    path::spread(worker, batch);
    e.owner = batch.owner[0];
    path::track(worker, batch);
    e.direction = batch.direction[0];
  }
  if (batch.live_count == 1) {
    e.flow_hit = batch.flow[0] != kNoFlow;
    if (e.flow_hit) e.flow_state = worker.flows.head(batch.flow[0]).state;
    if (e.direction == Direction::kIn) {
      const auto& service = (*worker.plan->services)[batch.service[0]];
      e.ring_slot = ring_slot(e.hash, uint32_t(worker.plan->pools[service.pool]->ring.size()));
    }
    path::choose(worker, batch);
    path::route(worker, batch);
    path::rewrite(worker, batch);
  }
  path::deal(worker, batch);
  path::admit(worker, batch);
  worker.dry = false;
  read_back(worker, batch, e);
}

namespace {

std::string text(const FlowTuple& t) {
  return fmt::format("{} → {} {}", Endpoint{t.source, __builtin_bswap16(t.source_port_be)}.text(),
                     Endpoint{t.destination, __builtin_bswap16(t.destination_port_be)}.text(), name(t.protocol));
}

const char* queue_of(DoorClass door) {
  switch (door) {
    case DoorClass::kHost:
      return "before everything else";
    case DoorClass::kService:
      return "as a service's or a known connection's";
    case DoorClass::kRest:
      return "as a stranger's, within dataplane.door.rate";
  }
  return "";
}

std::string ending(const LivePlan& plan, const Explanation& e) {
  switch (e.verdict) {
    case Verdict::kDoor:
      return fmt::format("to this host's kernel {}: {} ({})", queue_of(e.door), name(e.reason), help(e.reason));
    case Verdict::kShard:
      return fmt::format("to shard {} of cardea-l7 (instance {}), which answers by its own TCP", e.shard, e.instance);
    case Verdict::kToSender:
    case Verdict::kDrop:
      return fmt::format("dropped: {} ({})", name(e.reason), help(e.reason));
    case Verdict::kWait:
      return fmt::format("waits until the next hop on port {} answers", plan.ports[e.next_hop.port].name);
    case Verdict::kForward: {
      const auto& m = e.next_hop.destination_mac;
      return fmt::format("leaves by port {} to {:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}",
                         plan.ports[e.next_hop.port].name, m[0], m[1], m[2], m[3], m[4], m[5]);
    }
    case Verdict::kHandOver:
    case Verdict::kHold:
    case Verdict::kOnTheLine:
      break;
  }
  return "no verdict";
}

}  // namespace

std::vector<std::string> story(const LivePlan& plan, const SlotRegistry& registry, const Explanation& e) {
  std::vector<std::string> lines;
  lines.push_back(text(e.tuple));
  const std::string* service = registry.service_name(e.service);
  if (service != nullptr) lines.push_back(fmt::format("service {}", *service));
  if (e.has_hash) lines.push_back(fmt::format("flow hash 0x{:016x}, worker {}", e.hash, e.owner));
  if (e.has_hash && e.verdict != Verdict::kShard)
    lines.push_back(e.flow_hit ? "the flow is in the table" : "the flow is not in the table");
  if (const SlotIdentity* backend = registry.identity(e.slot)) {
    if (e.flow_hit)
      lines.push_back(fmt::format("its backend is {} of pool {}", backend->backend, backend->pool));
    else
      lines.push_back(
          fmt::format("slot {} of the ring of pool {} is backend {}", e.ring_slot, backend->pool, backend->backend));
  }
  if (e.is_rewritten && e.encapsulated)
    lines.push_back(
        fmt::format("goes inside a packet {} → {}", e.rewritten.source.text(), e.rewritten.destination.text()));
  else if (e.is_rewritten)
    lines.push_back(fmt::format("rewritten to {}", text(e.rewritten)));
  lines.push_back(ending(plan, e));
  return lines;
}

}  // namespace cardea::dataplane
