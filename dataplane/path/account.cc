// Last room, the only one that counts. Runs of packets of one service and one backend are added up before the cells are touched.
#include "base/stats.h"
#include "dataplane/path/path.h"

namespace cardea::dataplane::path {
namespace {

struct Traffic {
  uint64_t packets = 0, bytes = 0;
};

void add_traffic(uint64_t* cells, const TrafficCells& at, Direction direction, Traffic traffic) {
  const bool in = direction == Direction::kIn;
  stats::add(&cells[in ? at.packets_in : at.packets_out], traffic.packets);
  stats::add(&cells[in ? at.bytes_in : at.bytes_out], traffic.bytes);
}

bool forwarded(Verdict verdict) { return verdict == Verdict::kForward || verdict == Verdict::kWait; }

void count_forwarded(WorkerState& worker, const Batch& batch) {
  const LivePlan& plan = *worker.plan;
  const auto& services = *plan.services;
  for (uint32_t i = 0; i < batch.live_count;) {
    const uint32_t row = batch.live[i];
    const SlotId slot = batch.slot[row];
    const ServiceId service = batch.service[row];
    const Direction direction = batch.direction[row];
    Traffic traffic;
    uint64_t begun = 0;
    for (; i < batch.live_count; ++i) {
      const uint32_t next = batch.live[i];
      if (batch.slot[next] != slot || batch.service[next] != service || batch.direction[next] != direction) break;
      if (!forwarded(batch.verdict[next])) continue;
      ++traffic.packets;
      traffic.bytes += batch.length[next];
      begun += batch.new_flow[next];
    }
    add_traffic(worker.cells, plan.slots[slot].cells, direction, traffic);
    if (service < services.size()) add_traffic(worker.cells, services[service].cells, direction, traffic);
    if (begun == 0) continue;
    stats::add(&worker.cells[plan.slots[slot].cells.flows_total], begun);
    stats::add(&worker.cells[services[service].cells.flows_total], begun);
  }
}

void count_the_rest(WorkerState& worker, const Batch& batch) {
  const PathCells& cells = *worker.path_cells;
  for (uint32_t row = 0; row < batch.count; ++row) {
    switch (batch.verdict[row]) {
      case Verdict::kDrop: stats::add(&worker.cells[cells.drops[size_t(batch.reason[row])]], 1); break;
      case Verdict::kDoor: stats::add(&worker.cells[cells.to_kernel], 1); break;
      case Verdict::kHandOver: stats::add(&worker.cells[cells.handed_over], 1); break;
      default: break;
    }
  }
}

void count_ports(WorkerState& worker, const Batch& batch) {
  const PathCells& cells = *worker.path_cells;
  if (!batch.handed_over && batch.port < cells.ports.size()) {
    uint64_t bytes = 0;
    for (uint32_t row = 0; row < batch.count; ++row) bytes += batch.length[row];
    stats::add(&worker.cells[cells.ports[batch.port].packets_in], batch.count);
    stats::add(&worker.cells[cells.ports[batch.port].bytes_in], bytes);
  }
  for (uint32_t i = 0; i < batch.live_count;) {
    const HopId hop = batch.hop[batch.live[i]];
    const uint16_t port = worker.hops->hops[hop].port;
    Traffic traffic;
    for (; i < batch.live_count && batch.hop[batch.live[i]] == hop; ++i) {
      if (batch.verdict[batch.live[i]] != Verdict::kForward) continue;
      ++traffic.packets;
      traffic.bytes += batch.out_length[batch.live[i]];
    }
    if (port >= cells.ports.size()) continue;
    stats::add(&worker.cells[cells.ports[port].packets_out], traffic.packets);
    stats::add(&worker.cells[cells.ports[port].bytes_out], traffic.bytes);
  }
}

}  // namespace

void account(WorkerState& worker, Batch& batch) {
  count_forwarded(worker, batch);
  count_ports(worker, batch);
  uint32_t forwarded_count = 0;
  for (uint32_t i = 0; i < batch.live_count; ++i) forwarded_count += forwarded(batch.verdict[batch.live[i]]);
  if (forwarded_count != batch.count) [[unlikely]] count_the_rest(worker, batch);
  if (batch.bypassed != 0) stats::add(&worker.cells[worker.path_cells->bypassed], batch.bypassed);
  if (batch.evicted != 0) stats::add(&worker.cells[worker.path_cells->evicted], batch.evicted);
  stats::set(&worker.cells[worker.path_cells->flows], worker.flows.size());
}

}  // namespace cardea::dataplane::path
