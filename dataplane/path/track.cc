// Fifth room: does the worker know the flow? Looks up the whole burst in three passes, so that its cache misses
// overlap; keeps time and TCP state; lets a flow choose again when its backend is gone and nothing is lost by it.
#include <algorithm>

#include "dataplane/path/flow_life.h"
#include "dataplane/path/path.h"

namespace cardea::dataplane::path {
namespace {

// A packet that could as well begin a flow.
bool begins(const wire::Frame& frame) {
  return frame.protocol == uint8_t(Protocol::kUdp) ||
         (frame.tcp_flags & (wire::kTcpSyn | wire::kTcpAck)) == wire::kTcpSyn;
}

bool chooses_again(const LivePlan& plan, const FlowHead& flow, const wire::Frame& frame) {
  if (flow.slot >= plan.slots.size() || plan.slots[flow.slot].family == 0) return true;
  if (!begins(frame)) return false;
  return flow.state == FlowState::kClosing || !plan.slots[flow.slot].keeps_old;
}

// A NAT flow is over when both sides said so; of a DSR flow only the client is heard.
void advance(FlowTable& flows, FlowRef ref, FlowHead& flow, const wire::Frame& frame) {
  if (frame.protocol == uint8_t(Protocol::kUdp)) return;
  if (frame.tcp_flags & wire::kTcpRst) {
    flow.state = FlowState::kClosing;
  } else if (frame.tcp_flags & wire::kTcpFin) {
    if (FlowTable::kind(ref) != FlowKind::kNat) {
      flow.state = FlowState::kClosing;
      return;
    }
    FlowNat& nat = flows.nat(ref);
    nat.fin_seen |= FlowTable::is_reply(ref) ? 2 : 1;
    if (nat.fin_seen == 3) flow.state = FlowState::kClosing;
  } else if (flow.state == FlowState::kSyn && !FlowTable::is_reply(ref) && !(frame.tcp_flags & wire::kTcpSyn)) {
    flow.state = FlowState::kEstablished;
  }
}

// Packets earlier in the burst that had found a flow which has ended since must not be rewritten by whatever gets its
// entry next. The ring answers for tunnels; for a NAT flow nothing is left to say. Returns how many of the `live` rows
// stay.
uint32_t disown(Batch& batch, uint32_t live, FlowRef ended) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < live; ++i) {
    const uint32_t row = batch.live[i];
    batch.live[kept] = uint8_t(row);
    const bool orphan = same_flow(batch.flow[row], ended);
    if (orphan) batch.flow[row] = kNoFlow;
    if (orphan && FlowTable::kind(ended) == FlowKind::kNat)
      batch.leave(row, Verdict::kDoor, Reason::k_no_flow);
    else
      ++kept;
  }
  return kept;
}

void hit(WorkerState& worker, Batch& batch, uint32_t row) {
  const FlowRef ref = batch.flow[row];
  FlowHead& flow = worker.flows.head(ref);
  const wire::Frame& frame = batch.frame[row];
  const bool reply = FlowTable::is_reply(ref);
  if (!reply && chooses_again(*worker.plan, flow, frame)) [[unlikely]] {
    if (!worker.dry) end_flow(worker, ref);
    batch.flow[row] = kNoFlow;
    return;
  }
  batch.slot[row] = flow.slot;
  if (reply) batch.service[row] = flow.service, batch.direction[row] = Direction::kOut;
  if (worker.dry || frame.flags & wire::kQuote) [[unlikely]]
    return;  // anyone can send an error: it neither keeps a flow nor moves its state
  flow.last_seen_ms = worker.now_ms;
  if (flow.state != FlowState::kEstablished || frame.tcp_flags & (wire::kTcpFin | wire::kTcpRst))
    advance(worker.flows, ref, flow, frame);
}

// Candidates of the whole burst, so that the cache misses of its buckets overlap, and then those of its entries.
void find_candidates(const FlowTable& flows, Batch& batch) {
  uint8_t further[kBurstMax];
  uint32_t further_count = 0;
  for (uint32_t i = 0; i < batch.live_count; ++i) flows.prefetch(batch.hash[batch.live[i]]);
  for (uint32_t i = 0; i < batch.live_count; ++i) {
    const uint32_t row = batch.live[i];
    const FlowRef found = flows.candidate(batch.hash[row]);
    batch.flow[row] = found;
    further[further_count] = uint8_t(row);
    further_count += found == kLookFurther;
  }
  for (uint32_t i = 0; i < further_count; ++i) batch.flow[further[i]] = flows.second_candidate(batch.hash[further[i]]);
}

}  // namespace

void track(WorkerState& worker, Batch& batch) {
  const FlowTable& flows = worker.flows;
  find_candidates(flows, batch);
  std::ranges::fill(batch.new_flow, false);
  uint32_t live = 0;
  for (uint32_t i = 0; i < batch.live_count; ++i) {
    const uint32_t row = batch.live[i];
    batch.live[live] = uint8_t(row);
    // A flow of this burst may have ended since: match() compares with what is there now.
    batch.flow[row] = flows.match(batch.flow[row], batch.hash[row], batch.tuple[row]);
    const FlowRef found = batch.flow[row];
    if (found != kNoFlow) [[likely]]
      hit(worker, batch, row);
    if (batch.flow[row] == kNoFlow && batch.direction[row] == Direction::kOut) [[unlikely]] {
      batch.leave(row, Verdict::kDoor, Reason::k_no_flow);
      continue;
    }
    if (batch.flow[row] != found) [[unlikely]] {  // it ended here
      live = disown(batch, live, found);
      batch.live[live] = uint8_t(row);
    }
    ++live;
  }
  batch.live_count = live;
  batch.missed = 0;
  for (uint32_t i = 0; i < live; ++i) batch.missed += batch.flow[batch.live[i]] == kNoFlow;
}

}  // namespace cardea::dataplane::path
