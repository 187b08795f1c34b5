// Seventh room: new flows get a backend by the ring, a place in the flow table and, for fullnat, a source port. ipip goes
// on without a place in a full table, for the ring gives the same answer again; fullnat cannot.
#include "base/maglev.h"
#include "dataplane/path/flow_life.h"
#include "dataplane/path/nat_source.h"
#include "dataplane/path/path.h"
#include "dataplane/wire/checksum.h"

namespace cardea::dataplane::path {
namespace {

const std::vector<IpAddress>* nat_addresses(const WorkerState& worker, const LiveSlot& slot, SlotId slot_id) {
  if (worker.hops == nullptr) return nullptr;
  const HopId hop = worker.hops->of_slot(slot_id, slot.address);
  if (hop >= worker.hops->hops.size()) return nullptr;
  const uint16_t port = worker.hops->hops[hop].port;
  if (port >= worker.plan->ports.size()) return nullptr;
  return slot.family == 4 ? &worker.plan->ports[port].nat_v4 : &worker.plan->ports[port].nat_v6;
}

// What rewriting client → service into NAT → backend adds to the sums (wire/checksum.h).
void set_deltas(FlowNat& nat, const FlowTuple& in) {
  const uint16_t addresses = wire::add_deltas(wire::delta_of(nat.client.data(), nat.nat_address.data(), 16),
                                              wire::delta_of(nat.service_address.data(), nat.backend.data(), 16));
  const uint16_t ports = wire::add_deltas(wire::delta_of(&in.source_port_be, &nat.nat_port_be, 2),
                                          wire::delta_of(&in.destination_port_be, &nat.backend_port_be, 2));
  nat.l3_delta = addresses;
  nat.l4_delta = wire::add_deltas(addresses, ports);
}

bool begin_nat_flow(WorkerState& worker, Batch& batch, uint32_t row, const LiveSlot& slot, FlowNat& nat) {
  const FlowTuple& in = batch.tuple[row];
  if (batch.frame[row].family != slot.family) return batch.drop(row, Reason::k_family_mismatch), false;
  const auto* addresses = nat_addresses(worker, slot, batch.slot[row]);
  if (addresses == nullptr) return batch.drop(row, Reason::k_no_route), false;
  if (addresses->empty()) return batch.drop(row, Reason::k_no_source_address), false;
  nat.client = in.source.bytes;
  nat.service_address = in.destination.bytes;
  nat.backend = slot.address.bytes;
  nat.backend_port_be = slot.port_be;
  nat.family = slot.family;
  nat.hop_to_client = kNoHop;
  uint64_t reply_hash = 0;
  if (!find_nat_source(worker, batch, row, *addresses, nat, reply_hash))
    return batch.drop(row, Reason::k_no_nat_port), false;
  set_deltas(nat, in);
  if (in.protocol == Protocol::kTcp)
    nat.shift = wire::opening_shift(batch.data[row] + batch.frame[row].l4, reply_hash, worker.now_ms);
  if (worker.dry) return true;
  batch.flow[row] = begin_flow(worker, batch, row, &nat, reply_hash);
  if (batch.flow[row] == kNoFlow) return batch.drop(row, Reason::k_flow_table_full), false;
  return true;
}

// True when the packet stays on the line.
bool choose_one(WorkerState& worker, Batch& batch, uint32_t row) {
  const LivePlan& plan = *worker.plan;
  const LiveService& service = (*plan.services)[batch.service[row]];
  const wire::Frame& frame = batch.frame[row];
  if (service.forward == image::Forward::fullnat && !begins(frame)) {
    batch.leave(row, Verdict::kDoor, Reason::k_no_flow);
    return false;
  }
  const std::vector<SlotId>& ring = plan.pools[service.pool]->ring;
  const SlotId slot = ring[ring_slot(batch.hash[row], uint32_t(ring.size()))];
  if (slot == kNoSlot) return batch.drop(row, Reason::k_no_backend), false;
  batch.slot[row] = slot;
  if (service.forward == image::Forward::fullnat) {
    FlowNat nat{};
    if (!begin_nat_flow(worker, batch, row, plan.slots[slot], nat)) return false;
    if (worker.dry) batch.dry_nat = nat;
    return true;
  }
  if (worker.dry || !(begins(frame) || goes_on(frame))) return true;
  batch.flow[row] = begin_flow(worker, batch, row, nullptr, 0);
  batch.bypassed += batch.flow[row] == kNoFlow;
  return true;
}

}  // namespace

void choose(WorkerState& worker, Batch& batch) {
  batch.bypassed = batch.evicted = batch.ports_taken = 0;
  batch.no_room = {};
  if (batch.missed == 0) return;
  uint32_t live = 0;
  for (uint32_t i = 0; i < batch.live_count; ++i) {
    const uint32_t row = batch.live[i];
    batch.live[live] = uint8_t(row);
    if (batch.flow[row] == kNoFlow) [[unlikely]] {
      // An earlier packet of this burst may have begun the flow; dry, a flow that chooses again is still there.
      if (!worker.dry) batch.flow[row] = worker.flows.find(batch.hash[row], batch.tuple[row]);
      if (batch.flow[row] != kNoFlow)
        batch.slot[row] = worker.flows.head(batch.flow[row]).slot;
      else if (!choose_one(worker, batch, row))
        continue;
    }
    ++live;
  }
  batch.live_count = live;
}

}  // namespace cardea::dataplane::path
