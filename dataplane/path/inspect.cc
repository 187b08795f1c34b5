// A worker's answers, some groups of the table between two bursts.
#include "dataplane/path/inspect.h"

#include <algorithm>

#include "dataplane/path/path.h"

namespace cardea::dataplane {

bool InspectBox::ask(InspectRequest& request) {
  if (request.flows != nullptr) request.flows->flows.reserve(request.flows->limit);
  InspectRequest* none = nullptr;
  return place_of(request).compare_exchange_strong(none, &request, std::memory_order_acq_rel);
}

void InspectBox::finish(InspectRequest& request) {
  place_of(request).store(nullptr, std::memory_order_release);
  request.done.store(true, std::memory_order_release);  // now its memory may be gone
}

namespace path {
namespace {

constexpr uint32_t kGroupsAStep = 64;

void visit(const WorkerState& worker, FlowsRequest& ask, FlowRef ref) {
  const FlowHead& flow = worker.flows.head(ref);
  if (ask.service && *ask.service != flow.service) return;
  if (!ask.slots.empty() && std::ranges::find(ask.slots, flow.slot) == ask.slots.end()) return;
  const FlowTuple tuple = worker.flows.tuple(ref);
  if (ask.client && *ask.client != tuple.source) return;
  ++ask.total;
  if (ask.flows.size() >= ask.limit) return;
  FlowRecord record{tuple, {}, flow.service, flow.slot, flow.state, worker.now_ms - flow.last_seen_ms};
  if (FlowTable::kind(ref) == FlowKind::kNat) {
    const FlowTuple reply = worker.flows.reply_tuple(ref);
    record.nat_source = Endpoint{reply.destination, __builtin_bswap16(reply.destination_port_be)};
  }
  ask.flows.push_back(record);
}

// True when the whole table was seen.
bool step(const WorkerState& worker, FlowsRequest& ask) {
  for (uint32_t n = 0; n < kGroupsAStep && ask.next_group < worker.flows.groups(); ++n, ++ask.next_group)
    worker.flows.visit_group(ask.next_group, [&](FlowRef ref) { visit(worker, ask, ref); });
  return ask.next_group >= worker.flows.groups();
}

}  // namespace

void answer(WorkerState& worker) {
  InspectRequest* request = worker.inspections.pending();
  if (request == nullptr) [[likely]]
    return;
  if (request->explain != nullptr)
    explain(worker, *request->explain);
  else if (request->flows != nullptr && !step(worker, *request->flows))
    return;
  worker.inspections.finish(*request);
}

}  // namespace path
}  // namespace cardea::dataplane
