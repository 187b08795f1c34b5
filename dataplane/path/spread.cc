// Fourth room: which worker owns the packet's flow. A reply's destination port names its owner; other flows belong to
// the worker their port's RSS sent them to, or by hash where the port has too few queues for RSS.
#include <algorithm>

#include "dataplane/path/path.h"

namespace cardea::dataplane::path {

void spread(WorkerState& worker, Batch& batch) {
  if (worker.workers == 1) {
    std::ranges::fill(batch.owner, uint16_t(worker.index));
    return;
  }
  const uint16_t first = worker.plan->settings.nat_port_first;
  uint32_t live = 0;
  for (uint32_t i = 0; i < batch.live_count; ++i) {
    const uint32_t row = batch.live[i];
    uint32_t owner = worker.index;
    if (batch.direction[row] == Direction::kOut)
      owner = NatPorts::owner(__builtin_bswap16(batch.tuple[row].destination_port_be), first, worker.workers);
    else if (batch.spread)
      owner = owner_of(batch.hash[row], worker.workers);
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
