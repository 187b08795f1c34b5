// The packet line, written once.
#include "dataplane/path/path.h"

#include "base/stats.h"
#include "dataplane/path/flow_life.h"

namespace cardea::dataplane {

// A datagram that nobody followed up is kept for this part of a UDP flow's time: longer than its answer takes.
constexpr uint32_t kUnprovenPart = 3;

FlowTimeouts flow_timeouts(const LivePlan& plan) {
  const Timeouts& t = plan.settings.timeouts;
  return {{0, t.tcp_syn_ms, t.tcp_established_ms, t.tcp_closing_ms, t.udp_ms, t.udp_ms / kUnprovenPart + 1,
           t.tcp_closing_ms}};
}

namespace path {

void decide(WorkerState& worker, Batch& batch) {
  worker.flows.free_ended();
  parse(worker, batch);
  guard(worker, batch);
  join(worker, batch);
  classify(worker, batch);
  spread(worker, batch);
  track(worker, batch);
  choose(worker, batch);
  route(worker, batch);
  rewrite(worker, batch);
  deal(worker, batch);
  admit(worker, batch);
}

void run(WorkerState& worker, Batch& batch) {
  batch.from_shards = false;
  decide(worker, batch);
  emit(worker, batch);
  account(worker, batch);
  worker.flows.free_ended();
}

bool send(WorkerState& worker, Batch& batch) {
  if (worker.l7 == nullptr || worker.plan == nullptr) return false;
  collect(worker, batch);
  if (batch.count == 0) return false;
  head_for(worker, batch);
  emit(worker, batch);
  account(worker, batch);
  return true;
}

bool tend(WorkerState& worker) {
  if (worker.plan == nullptr) return false;
  const uint32_t groups = worker.ageing.due(worker.now_ms, worker.flows.groups());
  if (groups != 0) {
    worker.flows.expire(worker.now_ms, flow_timeouts(*worker.plan), groups,
                        [&](FlowRef ref) { leave_gauges(worker, ref); });
    stats::set(&worker.cells[worker.path_cells->flows], worker.flows.size());
  }
  let_fragments_go(worker);
  answer(worker);
  return worker.ageing.is_behind();
}

}  // namespace path
}  // namespace cardea::dataplane
