// Room beside the line, for what has left it towards cardea-l7: which instance, and which of its shards. Clients' flows
// are dealt by their hash over the newest instance; what answers a connection that an instance dialled names both by
// its destination port. An ICMP error goes where the packet it quotes came from.
#include "dataplane/path/flow_hashes.h"
#include "dataplane/path/path.h"

namespace cardea::dataplane::path {
namespace {

bool answers_dialled(const Batch& batch, uint32_t row) {
  return batch.service[row] == kNoService;
}

const L7Instance* instance_for(const L7Instances& instances, const Batch& batch, uint32_t row) {
  if (!answers_dialled(batch, row)) return instances.newest;
  const uint16_t port = __builtin_bswap16(batch.tuple[row].destination_port_be);
  return instances.by_number[DoorPorts{}.instance_of(port)].get();
}

uint32_t shard_for(const Batch& batch, uint32_t row, uint32_t shards) {
  if (!answers_dialled(batch, row)) return owner_of(batch.hash[row], shards);
  return DoorPorts{}.shard_of(__builtin_bswap16(batch.tuple[row].destination_port_be), shards);
}

void deal_one(const L7Instances* instances, Batch& batch, uint32_t row) {
  const L7Instance* instance = instances != nullptr ? instance_for(*instances, batch, row) : nullptr;
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
  for (uint32_t i = 0; i < count; ++i) deal_one(worker.l7, batch, rows[i]);
}

}  // namespace cardea::dataplane::path
