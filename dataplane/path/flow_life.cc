// Beginning and ending of flows, with the gauges that tell how many each service and backend has.
#include "dataplane/path/flow_life.h"

#include "base/stats.h"

namespace cardea::dataplane::path {
namespace {

constexpr uint32_t kEvictionGroups = 64;  // how far a packet may look for an unproven flow to evict

FlowRef insert(WorkerState& worker, const Batch& batch, uint32_t row, const FlowHead& head, FlowNat* nat,
               uint64_t reply_hash) {
  if (nat == nullptr) return worker.flows.insert(batch.hash[row], batch.tuple[row], head);
  nat->head = head;
  return worker.flows.insert_nat(batch.hash[row], reply_hash, *nat);
}

// False: nothing gives way, and the rest of the burst need not look again.
bool make_room(WorkerState& worker, Batch& batch, bool tunnel) {
  if (batch.no_room[tunnel]) return false;
  const FlowRef unproven = worker.flows.find_unproven(worker.now_ms, kEvictionGroups, tunnel);
  batch.no_room[tunnel] = unproven == kNoFlow;
  if (unproven == kNoFlow) return false;
  end_flow(worker, unproven);
  ++batch.evicted;
  return true;
}

void move_gauge_of(WorkerState& worker, const FlowNat& nat, uint64_t by) {
  for (const NatSource& source : worker.plan->nat_sources)
    if (source.address.bytes == nat.nat_address) return stats::add(&worker.cells[source.flows], by);
}

void move_gauges(WorkerState& worker, FlowRef ref, uint64_t by) {
  const FlowHead& flow = worker.flows.head(ref);
  const auto& services = *worker.plan->services;
  if (flow.slot < worker.plan->slots.size()) stats::add(&worker.cells[worker.plan->slots[flow.slot].cells.flows], by);
  if (flow.service < services.size()) stats::add(&worker.cells[services[flow.service].cells.flows], by);
  if (FlowTable::kind(ref) == FlowKind::kNat) move_gauge_of(worker, worker.flows.nat(ref), by);
}

// Where flows begin and not where packets are counted: the one that began it may yet be dropped.
void count_begun(WorkerState& worker, const FlowHead& flow) {
  stats::add(&worker.cells[worker.plan->slots[flow.slot].cells.flows_total], 1);
  stats::add(&worker.cells[(*worker.plan->services)[flow.service].cells.flows_total], 1);
}

}  // namespace

FlowState first_state(const wire::Frame& frame) {
  return frame.protocol == uint8_t(Protocol::kUdp) ? FlowState::kUdpOnce : FlowState::kSyn;
}

FlowRef begin_flow(WorkerState& worker, Batch& batch, uint32_t row, FlowNat* nat, uint64_t reply_hash) {
  const FlowTuple& tuple = batch.tuple[row];
  const FlowHead head{worker.now_ms,  batch.slot[row],      batch.service[row],       first_state(batch.frame[row]),
                      tuple.protocol, tuple.source_port_be, tuple.destination_port_be};
  FlowRef ref = insert(worker, batch, row, head, nat, reply_hash);
  if (ref == kNoFlow) [[unlikely]] {
    if (!make_room(worker, batch, nat == nullptr)) return kNoFlow;
    ref = insert(worker, batch, row, head, nat, reply_hash);
    if (ref == kNoFlow) return kNoFlow;
  }
  count_begun(worker, head);
  move_gauges(worker, ref, 1);
  batch.new_flow[row] = true;
  return ref;
}

void leave_gauges(WorkerState& worker, FlowRef ref) {
  move_gauges(worker, ref, ~uint64_t{0});
}

void end_flow(WorkerState& worker, FlowRef ref) {
  leave_gauges(worker, ref);
  worker.flows.end(ref);
}

}  // namespace cardea::dataplane::path
