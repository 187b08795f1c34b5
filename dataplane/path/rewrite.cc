// Ninth room: makes the packet that leaves: translated in place (translate.h) or behind an outer header (tunnel.h), with
// one hop counted and the link addresses of the next hop. What is larger than its way is cut where that is allowed, or
// turned into the error about it (too_big.h).
#include <algorithm>

#include "dataplane/path/path.h"
#include "dataplane/path/too_big.h"
#include "dataplane/path/translate.h"
#include "dataplane/path/tunnel.h"

namespace cardea::dataplane::path {
namespace {

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
bool tunnel_one(WorkerState& worker, Batch& batch, uint32_t row, const LiveSlot& slot, const Hop& hop) {
  const PlanPort& port = worker.plan->ports[hop.port];
  if (!(slot.family == 4 ? port.has_v4 : port.has_v6)) [[unlikely]]
    return batch.drop(row, Reason::k_no_source_address), false;
  if (batch.packet[row]->data_off < outer_size(slot)) [[unlikely]]
    return batch.drop(row, Reason::k_no_headroom), false;
  encapsulate(worker, batch, row, slot, hop);
  return true;
}

bool rewrite_large(WorkerState& worker, Batch& batch, uint32_t row, const FlowNat* nat, const LiveSlot& slot,
                   const Hop& hop) {
  const wire::Frame& frame = batch.frame[row];
  const bool tunnel = nat == nullptr;
  if (!(tunnel ? tunnel_may_be_cut(frame) : may_be_cut(frame))) {
    const uint32_t outer = tunnel ? outer_size(slot) : 0, room = hop.mtu - std::min<uint32_t>(outer, hop.mtu);
    refuse_too_big(worker, batch, row, uint16_t(frame.family == 6 ? std::max(room, kIpv6MtuMin) : room));
    return false;
  }
  const uint16_t id = own_id(worker);
  if (tunnel) return tunnel_one(worker, batch, row, slot, hop) && cut(batch, row, slot.family, hop.mtu, id);
  translate_one(batch, row, *nat, hop);
  if (!(frame.flags & wire::kFragment)) wire::write_fragment_id(batch.data[row], frame, id);  // else it has one of ours
  return cut(batch, row, frame.family, hop.mtu, id);
}

// True when the packet stays on the line.
bool rewrite_one(WorkerState& worker, Batch& batch, uint32_t row, const Hop& hop) {
  const FlowNat* nat = nat_of(worker, batch, row);
  const LiveSlot& slot = worker.plan->slots[batch.slot[row]];
  const uint32_t outer = nat != nullptr ? 0 : outer_size(slot);
  if (outer + batch.frame[row].l3_length > hop.mtu) [[unlikely]]
    return rewrite_large(worker, batch, row, nat, slot, hop);
  if (nat == nullptr) return tunnel_one(worker, batch, row, slot, hop);
  translate_one(batch, row, *nat, hop);
  return true;
}

}  // namespace

void rewrite(WorkerState& worker, Batch& batch) {
  const Hop* hops = worker.hops != nullptr ? worker.hops->hops.data() : nullptr;
  batch.piece_count = 0;
  uint32_t live = 0;
  for (uint32_t i = 0; i < batch.live_count; ++i) {
    const uint32_t row = batch.live[i];
    batch.live[live] = uint8_t(row);
    live += rewrite_one(worker, batch, row, hops[batch.hop[row]]);
  }
  batch.live_count = live;
}

}  // namespace cardea::dataplane::path
