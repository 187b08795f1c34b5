// The search for a NAT source. A port is free when no flow has it, or when the one that has it closed a second ago.
// Where none of those tried is free, the stalest gives way that nothing proved yet or that was idle for long: what a
// single packet began must not keep connections out. A search is bounded, and one that failed is not made again for its
// backend within the millisecond, so that packets which are refused cost little.
#include "dataplane/path/nat_source.h"

#include "dataplane/path/flow_life.h"
#include "dataplane/path/path.h"

namespace cardea::dataplane::path {
namespace {

// How long a closed connection keeps its NAT port from others: for what its two ends still have under way.
constexpr uint32_t kClosedRestMs = 1000;
// What nothing proved for so long gives way without a look at others.
constexpr uint32_t kUnprovenRestMs = 1000;
// So many that could give way are compared. Ports are given out in turn, so those before the cursor are the oldest.
constexpr uint32_t kCompared = 8;
// An idle flow gives way after this part of the time after which it would end by itself.
constexpr uint32_t kIdlePart = 3;

struct Found {
  IpAddress address;
  uint16_t port_be = 0;
  uint64_t reply_hash = 0;
  FlowRef holder = kNoFlow;
  uint32_t idle_ms = 0;
};

// Nothing is taken from it that it could still use.
bool rested(const FlowHead& flow, uint32_t idle_ms) {
  return ending(flow.state) && idle_ms >= kClosedRestMs;
}

bool gives_way(const WorkerState& worker, const FlowHead& flow, uint32_t idle_ms) {
  if (ending(flow.state)) return false;  // it will, once it rested
  if (unproven(flow.state)) return idle_ms > 0;
  return idle_ms > flow_timeouts(*worker.plan).of[size_t(flow.state)] / kIdlePart;
}

// Of a search so far: the stalest holder that may give way.
struct Search {
  Found best;
  uint32_t compared = 0;

  // Whether to look no further.
  bool consider(const WorkerState& worker, Found found) {
    if (found.holder == kNoFlow) return best = found, true;
    const FlowHead& flow = worker.flows.head(found.holder);
    found.idle_ms = worker.now_ms - flow.last_seen_ms;
    if (rested(flow, found.idle_ms)) return best = found, true;
    if (!gives_way(worker, flow, found.idle_ms)) return false;
    if (best.holder == kNoFlow || found.idle_ms > best.idle_ms) best = found;
    return ++compared == kCompared || (unproven(flow.state) && found.idle_ms >= kUnprovenRestMs);
  }
  bool succeeded() const { return best.port_be != 0; }
};

Search search(WorkerState& worker, const Batch& batch, uint32_t row, const std::vector<IpAddress>& addresses,
              const FlowNat& nat) {
  const Protocol protocol = batch.tuple[row].protocol;
  const auto count = uint32_t(addresses.size());
  const uint32_t start = share_of(batch.hash[row], count);
  NatPorts scratch = worker.nat_ports;
  NatPorts& ports = worker.dry ? scratch : worker.nat_ports;
  Search search;
  uint16_t port_be = 0;
  for (uint32_t nth = 0, tries = ports.tries(count); nth < tries; ++nth) {
    if (nth % count == 0) port_be = __builtin_bswap16(ports.next(nth));
    const IpAddress& address = addresses[(start + nth) % count];
    if (worker.plan->listen_table->find(address, port_be, protocol) != kNoService) continue;
    const FlowTuple reply{{nat.backend}, address, nat.backend_port_be, port_be, protocol};
    const uint64_t hash = flow_hash(worker.plan->hash_key, reply);
    if (search.consider(worker, {address, port_be, hash, worker.flows.find(hash, reply), 0})) break;
  }
  return search;
}

void give_up(WorkerState& worker, Batch& batch, FlowRef holder) {
  if (holder == kNoFlow || worker.dry) return;
  batch.ports_taken += !ending(worker.flows.head(holder).state);
  end_flow(worker, holder);
}

}  // namespace

bool find_nat_source(WorkerState& worker, Batch& batch, uint32_t row, const std::vector<IpAddress>& addresses,
                     FlowNat& nat, uint64_t& reply_hash) {
  const SlotId slot = batch.slot[row];
  const Protocol protocol = batch.tuple[row].protocol;
  if (worker.failed_searches.has(slot, protocol, worker.now_ms) && !worker.dry) return false;
  const Search found = search(worker, batch, row, addresses, nat);
  if (!found.succeeded()) {
    if (!worker.dry) worker.failed_searches.add(slot, protocol, worker.now_ms);
    return false;
  }
  give_up(worker, batch, found.best.holder);
  nat.nat_address = found.best.address.bytes;
  nat.nat_port_be = found.best.port_be;
  reply_hash = found.best.reply_hash;
  return true;
}

}  // namespace cardea::dataplane::path
