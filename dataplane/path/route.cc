// Eighth room: the next hop towards the backend or, for replies, the client. A NAT flow remembers its client's hop for
// as long as the hop table stays the same.
#include <span>

#include "dataplane/path/path.h"

namespace cardea::dataplane::path {
namespace {

HopId hop_to_client(const HopTable& hops, FlowNat& flow) {
  if (flow.hop_generation != hops.generation) {
    flow.hop_to_client = hops.routes.lookup({flow.client});
    flow.hop_generation = hops.generation;
  }
  return flow.hop_to_client;
}

}  // namespace

void route(WorkerState& worker, Batch& batch) {
  static const HopTable kNone;
  const HopTable& hops = worker.hops != nullptr ? *worker.hops : kNone;
  const std::span<const Hop> all = hops.hops;
  const std::span<const LiveSlot> slots = worker.plan->slots;
  uint32_t live = 0;
  for (uint32_t i = 0; i < batch.live_count; ++i) {
    const uint32_t row = batch.live[i];
    batch.live[live] = uint8_t(row);
    const SlotId slot = batch.slot[row];
    const HopId hop = batch.direction[row] == Direction::kOut ? hop_to_client(hops, worker.flows.nat(batch.flow[row]))
                                                              : hops.of_slot(slot, slots[slot].address);
    batch.hop[row] = hop;
    if (hop >= all.size()) [[unlikely]] {
      batch.drop(row, Reason::k_no_route);
      continue;
    }
    const HopState state = all[hop].state;
    if (state == HopState::kFailed) [[unlikely]] {
      batch.drop(row, Reason::k_neighbour_failed);
      continue;
    }
    batch.verdict[row] = state == HopState::kResolved ? Verdict::kForward : Verdict::kWait;
    ++live;
  }
  batch.live_count = live;
}

}  // namespace cardea::dataplane::path
