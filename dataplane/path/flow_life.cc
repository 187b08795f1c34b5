// Beginning and ending of flows, with the gauges that tell how many each service and backend has.
#include "dataplane/path/flow_life.h"

#include "base/stats.h"

namespace cardea::dataplane::path {
namespace {

constexpr uint32_t kEvictionGroups = 64;  // how far a packet may look for a half-open flow to evict

FlowRef insert(WorkerState& worker, const Batch& batch, uint32_t row, const FlowHead& head, FlowNat* nat,
               uint64_t reply_hash) {
  if (nat == nullptr) return worker.flows.insert(batch.hash[row], batch.tuple[row], head);
  nat->head = head;
  return worker.flows.insert_nat(batch.hash[row], reply_hash, *nat);
}

void move_gauges(WorkerState& worker, ServiceId service, SlotId slot, uint64_t by) {
  const auto& services = *worker.plan->services;
  if (slot < worker.plan->slots.size()) stats::add(&worker.cells[worker.plan->slots[slot].cells.flows], by);
  if (service < services.size()) stats::add(&worker.cells[services[service].cells.flows], by);
}

}  // namespace

FlowState first_state(const wire::Frame& frame) {
  if (frame.protocol == uint8_t(Protocol::kUdp)) return FlowState::kUdp;
  if (frame.tcp_flags & (wire::kTcpFin | wire::kTcpRst)) return FlowState::kClosing;
  return frame.tcp_flags & wire::kTcpSyn ? FlowState::kSyn : FlowState::kEstablished;
}

FlowRef begin_flow(WorkerState& worker, Batch& batch, uint32_t row, FlowNat* nat, uint64_t reply_hash) {
  const FlowTuple& tuple = batch.tuple[row];
  const FlowHead head{worker.now_ms,  batch.slot[row],      batch.service[row],       first_state(batch.frame[row]),
                      tuple.protocol, tuple.source_port_be, tuple.destination_port_be};
  FlowRef ref = insert(worker, batch, row, head, nat, reply_hash);
  if (ref == kNoFlow) [[unlikely]] {
    const FlowRef half_open = worker.flows.find_half_open(worker.now_ms, kEvictionGroups);
    if (half_open == kNoFlow) return kNoFlow;
    end_flow(worker, half_open);
    ++batch.evicted;
    ref = insert(worker, batch, row, head, nat, reply_hash);
    if (ref == kNoFlow) return kNoFlow;
  }
  move_gauges(worker, head.service, head.slot, 1);
  batch.new_flow[row] = true;
  return ref;
}

void leave_gauges(WorkerState& worker, const FlowHead& flow) {
  move_gauges(worker, flow.service, flow.slot, ~uint64_t{0});
}

void end_flow(WorkerState& worker, FlowRef ref) {
  leave_gauges(worker, worker.flows.head(ref));
  worker.flows.remove(ref);
}

}  // namespace cardea::dataplane::path
