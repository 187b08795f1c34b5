#include "l7/door/attached_door.h"

#include <fmt/format.h>

namespace cardea::l7::door {

Result<std::shared_ptr<AttachedDoor>> AttachedDoor::take(DoorHandover handover, uint32_t shards) {
  auto memory = L7Door::map(std::move(handover.memory));
  if (!memory) return std::unexpected(std::move(memory).error());
  const L7Door::Shape& shape = memory->shape();
  if (shape.shards != shards || handover.shard_bells.size() != shards || handover.worker_bells.size() != shape.workers)
    return fail(fmt::format("the door is for {} shards and {} workers, with bells for {} and {}; there are {} shards",
                            shape.shards, shape.workers, handover.shard_bells.size(), handover.worker_bells.size(),
                            shards));
  return std::make_shared<AttachedDoor>(std::move(*memory), handover);
}

}  // namespace cardea::l7::door
