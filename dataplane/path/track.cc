// Sixth room: does the worker know the flow? Looks up the whole burst in three passes, so that its cache misses
// overlap; notes what each packet proves (evidence.cc); lets a flow choose again when its backend is gone and nothing
// is lost by it.
#include <algorithm>

#include "dataplane/path/evidence.h"
#include "dataplane/path/flow_life.h"
#include "dataplane/path/path.h"

namespace cardea::dataplane::path {
namespace {

bool chooses_again(const LivePlan& plan, const FlowHead& flow, const wire::Frame& frame) {
  if (flow.slot >= plan.slots.size() || plan.slots[flow.slot].family == 0) return true;
  if (!begins(frame)) return false;
  return ending(flow.state) || !plan.slots[flow.slot].keeps_old;
}

void hit(WorkerState& worker, Batch& batch, uint32_t row) {
  const FlowRef ref = batch.flow[row];
  const FlowHead& flow = worker.flows.head(ref);
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
  note(worker, batch, row);
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
    // It may have ended since, by an earlier packet of this burst: match() compares with what is there now.
    batch.flow[row] = flows.match(batch.flow[row], batch.hash[row], batch.tuple[row]);
    if (batch.flow[row] != kNoFlow) [[likely]]
      hit(worker, batch, row);
    if (batch.flow[row] == kNoFlow && batch.direction[row] == Direction::kOut) [[unlikely]] {
      batch.leave(row, Verdict::kDoor, Reason::k_no_flow);
      continue;
    }
    ++live;
  }
  batch.live_count = live;
  batch.missed = 0;
  for (uint32_t i = 0; i < live; ++i) batch.missed += batch.flow[batch.live[i]] == kNoFlow;
}

}  // namespace cardea::dataplane::path
