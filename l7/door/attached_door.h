// A door as this process has it: the memory and everybody's bells, shared by its shards and let go with the last.
#pragma once

#include <atomic>
#include <vector>

#include "base/l7_door.h"
#include "base/l7_door_socket.h"

namespace cardea::l7::door {

struct AttachedDoor {
  // An Error where what was handed over does not fit together, or is not for so many shards.
  static Result<std::shared_ptr<AttachedDoor>> take(DoorHandover handover, uint32_t shards);
  AttachedDoor(L7Door its_memory, DoorHandover& handover)
      : memory(std::move(its_memory)),
        worker_bells(std::move(handover.worker_bells)),
        shard_bells(std::move(handover.shard_bells)),
        instance(handover.instance) {}

  const L7Door memory;
  const std::vector<FileDescriptor> worker_bells, shard_bells;
  const uint32_t instance;
  std::atomic<bool> broken = false;  // a shard found what does not add up: it is of no use any more
};

}  // namespace cardea::l7::door
