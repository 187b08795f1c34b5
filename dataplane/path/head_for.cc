// Second room of the second line: the next hop by the destination alone, and its link addresses.
#include "dataplane/path/leave.h"
#include "dataplane/path/path.h"
#include "dataplane/path/shard_pipes.h"

namespace cardea::dataplane::path {
namespace {

// True when the packet stays on the line.
bool head_one(WorkerState& worker, const HopTable& hops, Batch& batch, uint32_t row) {
  const HopId id = hops.routes.lookup(batch.tuple[row].destination);
  batch.hop[row] = id;
  if (id >= hops.hops.size()) return batch.drop(row, Reason::k_no_route), false;
  const Hop& hop = hops.hops[id];
  if (hop.state == HopState::kFailed) return batch.drop(row, Reason::k_neighbour_failed), false;
  if (batch.frame[row].l3_length > hop.mtu) return tell_too_big(worker, batch, row, hop.mtu), false;
  write_link(batch.data[row], hop, ether_type(batch.frame[row].family));
  batch.verdict[row] = hop.state == HopState::kResolved ? Verdict::kForward : Verdict::kWait;
  return true;
}

}  // namespace

void head_for(WorkerState& worker, Batch& batch) {
  static const HopTable kNone;
  const HopTable& hops = worker.hops != nullptr ? *worker.hops : kNone;
  uint32_t live = 0;
  for (uint32_t i = 0; i < batch.live_count; ++i) {
    const uint32_t row = batch.live[i];
    batch.live[live] = uint8_t(row);
    live += head_one(worker, hops, batch, row);
  }
  batch.live_count = live;
}

}  // namespace cardea::dataplane::path
