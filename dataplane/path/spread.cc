// Fifth room: which worker owns the packet's flow. A reply's destination port names its owner; other flows belong to
// the worker their port's RSS sent them to, or by hash where the port has too few queues for RSS. An ICMP error comes
// to any queue, and so does a fragment: it goes where the port steers the packets it is about, or the whole ones.
#include <rte_mbuf.h>

#include <algorithm>

#include "dataplane/path/path.h"

namespace cardea::dataplane::path {

namespace {

bool is_steered_error(const WorkerState& worker, const Batch& batch, uint32_t row) {
  return batch.frame[row].flags & wire::kQuote && batch.port < worker.steering.size() &&
         worker.steering[batch.port].known();
}

uint32_t owner_of_reply(const WorkerState& worker, const FlowTuple& tuple) {
  const uint16_t first = worker.plan->settings.nat_port_first;
  return NatPorts::owner(__builtin_bswap16(tuple.destination_port_be), first, worker.workers);
}

// The port it came by stands in its buffer: the burst may have been handed over.
uint32_t owner_of_fragment(const WorkerState& worker, const Batch& batch, uint32_t row) {
  if (batch.direction[row] == Direction::kOut) return owner_of_reply(worker, batch.tuple[row]);
  const uint16_t port = batch.packet[row]->port;
  if (port < worker.steering.size() && worker.steering[port].known())
    return worker.steering[port].worker_of(batch.tuple[row], worker.workers);
  return owner_of(batch.hash[row], worker.workers);
}

uint32_t owner_of_row(const WorkerState& worker, const Batch& batch, uint32_t row) {
  const FlowTuple& tuple = batch.tuple[row];
  if (batch.direction[row] == Direction::kOut) return owner_of_reply(worker, tuple);
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
    const bool joined = batch.joined >> row & 1;
    const uint32_t owner = joined ? owner_of_fragment(worker, batch, row) : owner_of_row(worker, batch, row);
    batch.owner[row] = uint16_t(owner);
    batch.live[live] = uint8_t(row);
    if (owner == worker.index || (batch.handed_over && !joined) || worker.dry) [[likely]]
      ++live;
    else
      batch.leave(row, Verdict::kHandOver, Reason::kNone);
  }
  batch.live_count = live;
}

}  // namespace cardea::dataplane::path
