// Last room, the only one that counts. Runs of packets of one service and one backend are added up before the cells are
// touched.
#include <span>

#include "base/stats.h"
#include "dataplane/path/path.h"

namespace cardea::dataplane::path {
namespace {

struct Traffic {
  uint64_t packets = 0, bytes = 0;
};

bool forwarded(Verdict verdict) {
  return verdict == Verdict::kForward || verdict == Verdict::kWait;
}

void add_traffic(uint64_t* cells, const TrafficCells& at, Direction direction, Traffic traffic) {
  const bool in = direction == Direction::kIn;
  stats::add(&cells[in ? at.packets_in : at.packets_out], traffic.packets);
  stats::add(&cells[in ? at.bytes_in : at.bytes_out], traffic.bytes);
}

// Adds up runs of equal `key` (a backend's or service's number) and direction; add(key, direction, traffic) gets each.
template <typename Key, typename Add>
void count_runs(const Batch& batch, const Key* key, Add&& add) {
  for (uint32_t i = 0; i < batch.live_count;) {
    const Key run = key[batch.live[i]];
    const Direction direction = batch.direction[batch.live[i]];
    Traffic traffic;
    for (; i < batch.live_count; ++i) {
      const uint32_t row = batch.live[i];
      if (key[row] != run || batch.direction[row] != direction) break;
      if (!forwarded(batch.verdict[row])) [[unlikely]]
        continue;
      ++traffic.packets;
      traffic.bytes += batch.length[row];
    }
    add(run, direction, traffic);
  }
}

void count_backends(WorkerState& worker, const Batch& batch) {
  const std::span<const LiveSlot> slots = worker.plan->slots;
  count_runs(batch, batch.slot, [&](SlotId slot, Direction direction, Traffic traffic) {
    add_traffic(worker.cells, slots[slot].cells, direction, traffic);
  });
}

void count_services(WorkerState& worker, const Batch& batch) {
  uint64_t* cells = worker.cells;
  const std::span<const LiveService> services = *worker.plan->services;
  count_runs(batch, batch.service, [&](ServiceId service, Direction direction, Traffic traffic) {
    if (service < services.size()) add_traffic(cells, services[service].cells, direction, traffic);
  });
}

// Bytes of IP packets, as they are in the pipes.
void add_shard_traffic(WorkerState& worker, Direction direction, Traffic traffic) {
  add_traffic(worker.cells, worker.path_cells->shards, direction, traffic);
}

void count_given_to_shard(WorkerState& worker, const Batch& batch, uint32_t row) {
  add_shard_traffic(worker, Direction::kIn, {.packets = 1, .bytes = batch.frame[row].l3_length});
  if (batch.service[row] == kNoService) return;
  add_traffic(worker.cells, (*worker.plan->services)[batch.service[row]].cells, Direction::kIn,
              {.packets = 1, .bytes = batch.length[row]});
}

void count_taken_from_shards(WorkerState& worker, const Batch& batch) {
  Traffic traffic{.packets = batch.count};
  for (uint32_t row = 0; row < batch.count; ++row) traffic.bytes += batch.length[row] - wire::kEtherHeader;
  add_shard_traffic(worker, Direction::kOut, traffic);
}

// Of a port that this worker sends by itself and at once. On the others packets have not left yet, and may not be
// taken.
void add_sent(WorkerState& worker, uint16_t port, Traffic traffic) {
  const std::span<const PortCells> ports = worker.path_cells->ports;
  if (port >= ports.size() || (port < worker.sent_later.size() && worker.sent_later[port])) return;
  stats::add(&worker.cells[ports[port].packets_out], traffic.packets);
  stats::add(&worker.cells[ports[port].bytes_out], traffic.bytes);
}

// What was sent in a dropped packet's place.
void count_told(WorkerState& worker, const Batch& batch, uint32_t row) {
  const Hop& hop = worker.hops->hops[batch.hop[row]];
  if (hop.state == HopState::kResolved) add_sent(worker, hop.port, {.packets = 1, .bytes = batch.out_length[row]});
}

void count_the_rest(WorkerState& worker, const Batch& batch) {
  const PathCells& cells = *worker.path_cells;
  for (uint32_t row = 0; row < batch.count; ++row) {
    switch (batch.verdict[row]) {
      case Verdict::kToSender:
        count_told(worker, batch, row);
        [[fallthrough]];
      case Verdict::kDrop:
        stats::add(&worker.cells[cells.drops[size_t(batch.reason[row])]], 1);
        break;
      case Verdict::kDoor:
        stats::add(&worker.cells[cells.to_kernel], 1);
        if (batch.reason[row] == Reason::k_local_service)
          add_traffic(worker.cells, (*worker.plan->services)[batch.service[row]].cells, Direction::kIn,
                      {.packets = 1, .bytes = batch.length[row]});
        break;
      case Verdict::kShard:
        count_given_to_shard(worker, batch, row);
        break;
      case Verdict::kHandOver:
        stats::add(&worker.cells[cells.handed_over], 1);
        break;
      default:
        break;
    }
  }
}

void count_received(WorkerState& worker, const Batch& batch) {
  const PathCells& cells = *worker.path_cells;
  if (batch.handed_over || batch.port >= cells.ports.size()) return;
  uint64_t bytes = 0;
  for (uint32_t row = 0; row < batch.count; ++row) bytes += batch.length[row];
  stats::add(&worker.cells[cells.ports[batch.port].packets_in], batch.count);
  stats::add(&worker.cells[cells.ports[batch.port].bytes_in], bytes);
}

// By the ports that packets left through; those that wait are counted by whoever sends them. Returns how many left.
uint32_t count_sent(WorkerState& worker, const Batch& batch) {
  uint32_t sent = 0;
  for (uint32_t i = 0; i < batch.live_count;) {
    const uint16_t port = worker.hops->hops[batch.hop[batch.live[i]]].port;
    Traffic traffic;
    for (; i < batch.live_count; ++i) {
      const uint32_t row = batch.live[i];
      if (worker.hops->hops[batch.hop[row]].port != port) break;
      if (batch.verdict[row] != Verdict::kForward) [[unlikely]]
        continue;
      ++traffic.packets;
      traffic.bytes += batch.out_length[row];
    }
    sent += uint32_t(traffic.packets);
    add_sent(worker, port, traffic);
  }
  return sent;
}

// Not rows of the burst: pieces of what was cut, and fragments that had waited.
void count_aside(WorkerState& worker, const Batch& batch) {
  const PathCells& cells = *worker.path_cells;
  for (const Piece& piece : std::span(batch.pieces, batch.piece_count)) {
    const uint16_t port = worker.hops->hops[batch.hop[piece.row]].port;
    stats::add(&worker.cells[cells.fragments_made], 1);
    if (piece.packet == nullptr) {
      const Reason why = batch.reason[piece.row];
      stats::add(&worker.cells[cells.drops[size_t(why == Reason::kNone ? Reason::k_tx_full : why)]], 1);
    } else if (batch.verdict[piece.row] == Verdict::kForward) {
      add_sent(worker, port, {.packets = 1, .bytes = piece.length});
    }
  }
  stats::add(&worker.cells[cells.drops[size_t(Reason::k_fragment)]], batch.given_up);
  stats::add(&worker.cells[cells.drops[size_t(Reason::k_hand_over_full)]], batch.unreleased);
  stats::add(&worker.cells[cells.datagrams_evicted], batch.datagrams_evicted);
  stats::add(&worker.cells[cells.fragments_joined], uint64_t(__builtin_popcountll(batch.joined)));
  stats::add(&worker.cells[cells.sums_finished], uint64_t(__builtin_popcountll(batch.sums_finished)));
}

}  // namespace

void account(WorkerState& worker, Batch& batch) {
  if (batch.from_shards)
    count_taken_from_shards(worker, batch);
  else
    count_backends(worker, batch), count_received(worker, batch);
  count_services(worker, batch);
  if (count_sent(worker, batch) != batch.count) [[unlikely]]
    count_the_rest(worker, batch);
  if (batch.bypassed != 0) stats::add(&worker.cells[worker.path_cells->bypassed], batch.bypassed);
  if (batch.evicted != 0) stats::add(&worker.cells[worker.path_cells->evicted], batch.evicted);
  if (batch.ports_taken != 0) stats::add(&worker.cells[worker.path_cells->ports_taken], batch.ports_taken);
  if (batch.piece_count != 0 || batch.fragments != 0 || batch.sums_finished != 0) [[unlikely]]
    count_aside(worker, batch);
  stats::set(&worker.cells[worker.path_cells->flows], worker.flows.size());
}

}  // namespace cardea::dataplane::path
