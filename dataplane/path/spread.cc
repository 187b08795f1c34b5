// Fourth room: which worker owns the packet's flow. A reply's destination port names its owner; other flows belong to
// the worker their port's RSS sent them to, or by hash where the port has too few queues for RSS. An ICMP error comes
// to any queue: it goes where the port steers the packets it is about.
#include <algorithm>

#include "dataplane/path/path.h"

namespace cardea::dataplane::path {

namespace {

bool is_steered_error(const WorkerState& worker, const Batch& batch, uint32_t row) {
  return batch.frame[row].flags & wire::kQuote && batch.port < worker.steering.size() &&
         worker.steering[batch.port].known();
}

uint32_t owner_of_row(const WorkerState& worker, const Batch& batch, uint32_t row) {
  const FlowTuple& tuple = batch.tuple[row];
  if (batch.direction[row] == Direction::kOut) {
    const uint16_t first = worker.plan->settings.nat_port_first;
    return NatPorts::owner(__builtin_bswap16(tuple.destination_port_be), first, worker.workers);
  }
  if (batch.spread) return owner_of(batch.hash[row], worker.workers);
  if (is_steered_error(worker, batch, row)) [[unlikely]]
    return worker.steering[batch.port].worker_of(tuple, worker.workers);
  return worker.index;
}

}  // namespace

void spread(WorkerState& worker, Batch& batch) {
  if (worker.workers == 1) {
    std::ranges::fill(batch.owner, uint16_t(worker.index));
    return;
  }
  uint32_t live = 0;
  for (uint32_t i = 0; i < batch.live_count; ++i) {
    const uint32_t row = batch.live[i];
    const uint32_t owner = owner_of_row(worker, batch, row);
    batch.owner[row] = uint16_t(owner);
    batch.live[live] = uint8_t(row);
    if (owner == worker.index || batch.handed_over || worker.dry) [[likely]]
      ++live;
    else
      batch.leave(row, Verdict::kHandOver, Reason::kNone);
  }
  batch.live_count = live;
}

}  // namespace cardea::dataplane::path
