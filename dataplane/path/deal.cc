// Room beside the line, for what has left it towards cardea-l7: which instance, and which of its shards. Clients' flows
// are dealt by their hash over the newest instance; what answers a connection that an instance dialled names both by
// its destination port. An ICMP error goes where the packet it quotes came from. What goes on with an instance that has
// ended is answered with a reset; who begins may come again.
#include "base/stats.h"
#include "dataplane/path/flow_hashes.h"
#include "dataplane/path/flow_life.h"
#include "dataplane/path/path.h"
#include "dataplane/path/reset.h"

namespace cardea::dataplane::path {
namespace {

bool answers_dialled(const Batch& batch, uint32_t row) {
  return batch.service[row] == kNoService;
}

// An ICMP error says nothing about its flow's life.
bool began_at_newest(const WorkerState& worker, const Batch& batch, uint32_t row) {
  BegunFlows& begun = worker.l7->newest->row(worker.index).begun;
  const uint64_t hash = batch.hash[row];
  const wire::Frame& frame = batch.frame[row];
  if (worker.dry || frame.flags & wire::kQuote) return begins(frame) || begun.has(hash, worker.now_ms);
  if (!begins(frame)) return begun.hear(hash, worker.now_ms, frame.tcp_flags & (wire::kTcpFin | wire::kTcpRst));
  if (!begun.add(hash, worker.now_ms)) stats::add(&worker.cells[worker.path_cells->begun_gave_way], 1);
  return true;
}

// While an older instance drains, what is not known to have begun at the newest is its.
const L7Instance* instance_of_client(const WorkerState& worker, const Batch& batch, uint32_t row) {
  L7Instance* newest = worker.l7->newest;
  const L7Instance* older = worker.l7->older;
  if (older == nullptr || older->is_broken()) return newest;
  return began_at_newest(worker, batch, row) ? newest : older;
}

const L7Instance* instance_for(const WorkerState& worker, const Batch& batch, uint32_t row) {
  if (worker.l7 == nullptr) return nullptr;
  if (!answers_dialled(batch, row)) return instance_of_client(worker, batch, row);
  const uint16_t port = __builtin_bswap16(batch.tuple[row].destination_port_be);
  return worker.l7->by_number[DoorPorts{}.instance_of(port)].get();
}

uint32_t shard_for(const Batch& batch, uint32_t row, uint32_t shards) {
  if (!answers_dialled(batch, row)) return owner_of(batch.hash[row], shards);
  return DoorPorts{}.shard_of(__builtin_bswap16(batch.tuple[row].destination_port_be), shards);
}

// Without an instance for it: whether nobody comes back who knows it.
bool has_ended(const WorkerState& worker, const Batch& batch, uint32_t row) {
  if (worker.l7 == nullptr || begins(batch.frame[row])) return false;
  if (!answers_dialled(batch, row)) return worker.l7->newest == nullptr && worker.l7->all_ended();
  return worker.l7->left[DoorPorts{}.instance_of(__builtin_bswap16(batch.tuple[row].destination_port_be))] ==
         Left::kEnded;
}

void deal_one(WorkerState& worker, Batch& batch, uint32_t row) {
  const L7Instance* instance = instance_for(worker, batch, row);
  if (instance == nullptr && has_ended(worker, batch, row)) return answer_by_reset(worker, batch, row);
  if (instance == nullptr || instance->is_broken()) return batch.drop(row, Reason::k_no_shard);
  batch.instance[row] = uint8_t(instance->number());
  batch.shard[row] = uint8_t(shard_for(batch, row, instance->shards()));
}

}  // namespace

void deal(WorkerState& worker, Batch& batch) {
  if (batch.live_count == batch.count) [[likely]]
    return;
  uint8_t rows[kBurstMax];
  uint32_t count = 0;
  for (uint32_t row = 0; row < batch.count; ++row) {
    rows[count] = uint8_t(row);
    count += batch.verdict[row] == Verdict::kShard;
  }
  if (count == 0) return;
  hash_flows(worker.plan->hash_key, batch.tuple, batch.frame, rows, count, batch.hash);
  for (uint32_t i = 0; i < count; ++i) deal_one(worker, batch, rows[i]);
}

}  // namespace cardea::dataplane::path
