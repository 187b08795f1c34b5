// Third room: fragments. Only a datagram's first one has ports; here the others get them, so that all walk the line as
// packets of one flow, whole or not at all. All fragments of a datagram meet at one worker, named by the datagram's hash
// (no NIC's RSS can tell their flow), which then gives each to the worker that owns the flow. Those that come before
// the first one wait. What is not for a service or a NAT address is left to the kernel as it came.
#include "dataplane/path/join.h"

#include "base/stats.h"
#include "dataplane/path/own_id.h"
#include "dataplane/path/path.h"
#include "dataplane/wire/fragment.h"

namespace cardea::dataplane::path {
namespace {

bool concerns_us(const WorkerState& worker, const Batch& batch, uint32_t row) {
  return worker.plan->listen_table->use_of(batch.tuple[row].destination) != 0 &&
         for_this_port(batch.mac, batch.data[row]);
}

// RFC 791, RFC 8200: source, destination, protocol and identification name a datagram.
uint64_t hash_datagram(const LivePlan& plan, const Batch& batch, uint32_t row) {
  const uint32_t id = wire::read_fragment(batch.data[row], batch.frame[row]).id;
  const FlowTuple& tuple = batch.tuple[row];
  return flow_hash(plan.hash_key, {tuple.source, tuple.destination, uint16_t(id), uint16_t(id >> 16),
                                   Protocol(batch.frame[row].protocol)});
}

void set_known(Batch& batch, uint32_t row, const KnownDatagram& datagram) {
  FlowTuple& tuple = batch.tuple[row];
  tuple.source_port_be = uint16_t(datagram.ports);
  tuple.destination_port_be = uint16_t(datagram.ports >> 16);
  tuple.protocol = Protocol(batch.frame[row].protocol);
  batch.known |= uint64_t{1} << row;
}

void join_here(Batch& batch, uint32_t row, const KnownDatagram& datagram) {
  mark(*batch.packet[row], datagram);
  set_known(batch, row, datagram);
  batch.joined |= uint64_t{1} << row;
}

void learn(WorkerState& worker, Batch& batch, uint32_t row) {
  const FlowTuple& tuple = batch.tuple[row];
  const uint64_t datagram = batch.datagram[row];
  const uint32_t ports = tuple.source_port_be | uint32_t{tuple.destination_port_be} << 16;
  join_here(batch, row,
            worker.fragments.learn(datagram, ports, own_id(worker), worker.now_ms, batch.datagrams_evicted));
  if (worker.fragments.waiting() == 0) return;
  const std::span<rte_mbuf*> room(batch.released + batch.released_count, kBurstMax - batch.released_count);
  batch.released_count = uint16_t(batch.released_count + worker.fragments.take(datagram, room));
}

// True: the row's datagram is this worker's to join, and batch.datagram is set.
bool is_ours_to_join(const WorkerState& worker, Batch& batch, uint32_t row) {
  if (batch.handed_over && is_marked(*batch.packet[row])) {
    set_known(batch, row, mark_of(*batch.packet[row]));
    return false;
  }
  if (!concerns_us(worker, batch, row)) return false;
  batch.datagram[row] = hash_datagram(*worker.plan, batch, row);
  batch.owner[row] = uint16_t(owner_of(batch.datagram[row], worker.workers));
  if (batch.owner[row] == worker.index || batch.handed_over || worker.dry) return true;
  batch.leave(row, Verdict::kHandOver, Reason::kNone);
  return false;
}

// First fragments first: the burst may have them in any order.
void join_fragments(WorkerState& worker, Batch& batch) {
  uint64_t later = 0;
  for (uint64_t rest = batch.fragments; rest != 0; rest &= rest - 1) {
    const auto row = uint32_t(__builtin_ctzll(rest));
    if (!is_ours_to_join(worker, batch, row)) continue;
    if (batch.frame[row].l4 != 0)
      learn(worker, batch, row);
    else
      later |= uint64_t{1} << row;
  }
  for (; later != 0; later &= later - 1) {
    const auto row = uint32_t(__builtin_ctzll(later));
    const KnownDatagram* known = worker.fragments.find(batch.datagram[row], worker.now_ms);
    if (known != nullptr)
      join_here(batch, row, *known);
    else
      batch.leave(row, Verdict::kHold, Reason::k_fragment);
  }
}

}  // namespace

void join(WorkerState& worker, Batch& batch) {
  batch.known = batch.joined = 0;
  batch.released_count = batch.given_up = batch.unreleased = 0;
  batch.datagrams_evicted = 0;
  if (batch.fragments == 0) [[likely]]
    return;
  join_fragments(worker, batch);
  uint32_t live = 0;
  for (uint32_t i = 0; i < batch.live_count; ++i) {
    const uint32_t row = batch.live[i];
    batch.live[live] = uint8_t(row);
    live += batch.verdict[row] == Verdict::kOnTheLine;
  }
  batch.live_count = live;
}

void let_fragments_go(WorkerState& worker) {
  while (rte_mbuf* packet = worker.fragments.give_up(worker.now_ms)) {
    rte_pktmbuf_free(packet);
    stats::add(&worker.cells[worker.path_cells->drops[size_t(Reason::k_fragment)]], 1);
  }
}

}  // namespace cardea::dataplane::path
