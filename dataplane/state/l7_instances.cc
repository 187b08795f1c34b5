#include "dataplane/state/l7_instances.h"

#include <algorithm>

namespace cardea::dataplane {

Result<std::shared_ptr<L7Instance>> L7Instance::create(uint32_t number, uint32_t workers, uint32_t shards,
                                                       uint64_t bytes_max) {
  auto door = L7Door::create(L7Door::shape(workers, shards, bytes_max));
  if (!door) return std::unexpected(std::move(door).error());
  auto bells = make_bells(shards);
  if (!bells) return std::unexpected(std::move(bells).error());
  return std::shared_ptr<L7Instance>(new L7Instance(number, std::move(*door), std::move(*bells)));
}

L7Instance::L7Instance(uint32_t number, L7Door door, std::vector<PipeBell> shard_bells)
    : number_(number), door_(std::move(door)), shard_bells_(std::move(shard_bells)), rows_(door_.shape().workers) {
  const L7Door::Shape& shape = door_.shape();
  for (uint32_t worker = 0; worker < shape.workers; ++worker) {
    rows_[worker].asleep = SharedBell(door_.worker_asleep(worker), -1);
    for (uint32_t shard = 0; shard < shape.shards; ++shard)
      rows_[worker].ways.push_back({.up = PacketWriter(door_.up(worker, shard), shape.up_bytes),
                                    .down = PacketReader(door_.down(worker, shard), shape.down_bytes),
                                    .bell = SharedBell(door_.shard_asleep(shard), shard_bells_[shard].ring.get())});
  }
}

bool L7Instances::all_ended() const {
  return std::ranges::find(left, Left::kEnded) != left.end() && std::ranges::find(left, Left::kAway) == left.end();
}

bool arm(const L7Instances& instances, uint32_t worker) {
  bool nothing = true;
  for (const auto& instance : instances.by_number) {
    if (instance == nullptr) continue;
    const L7Instance::Row& row = instance->row(worker);
    row.asleep.arm();
    nothing &= std::ranges::all_of(row.ways, [](const L7Instance::Way& way) { return way.down.empty(); });
  }
  return nothing;
}

void disarm(const L7Instances& instances, uint32_t worker) {
  for (const auto& instance : instances.by_number)
    if (instance != nullptr) instance->row(worker).asleep.disarm();
}

}  // namespace cardea::dataplane
