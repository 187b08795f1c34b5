// Room beside the line, for what has left it towards cardea-l7: which instance, and which of its shards. Clients' flows
// are dealt by their hash over the newest instance; what answers a connection that an instance dialled names both by
// its destination port. An ICMP error goes where the packet it quotes came from.
#include "dataplane/path/flow_hashes.h"
#include "dataplane/path/flow_life.h"
#include "dataplane/path/path.h"

namespace cardea::dataplane::path {
namespace {

bool answers_dialled(const Batch& batch, uint32_t row) {
  return batch.service[row] == kNoService;
}

// While an older instance drains, what is not known to have begun at the newest is its.
const L7Instance* instance_of_client(const WorkerState& worker, const Batch& batch, uint32_t row) {
  L7Instance* newest = worker.l7->newest;
  const L7Instance* older = worker.l7->older;
  if (older == nullptr || older->is_broken()) return newest;
  BegunFlows& begun = newest->row(worker.index).begun;
  if (!begins(batch.frame[row])) return begun.has(batch.hash[row]) ? newest : older;
  if (!worker.dry) begun.add(batch.hash[row]);
  return newest;
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

void deal_one(const WorkerState& worker, Batch& batch, uint32_t row) {
  const L7Instance* instance = instance_for(worker, batch, row);
  if (instance == nullptr || instance->is_broken()) return batch.drop(row, Reason::k_no_shard);
  batch.instance[row] = uint8_t(instance->number());
  batch.shard[row] = uint8_t(shard_for(batch, row, instance->shards()));
}

}  // namespace

void deal(const WorkerState& worker, Batch& batch) {
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
