// Two shards with a TCP of their own each, joined by a middle that does what two dataplanes would: it takes packets from
// the one's door and puts them into the other's, through the same memory as in the appliance. Time stands still until
// the middle has nothing to carry; every so-manieth packet can be lost.
#pragma once

#include <sys/eventfd.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <vector>

#include "l7/door/shard_door.h"
#include "l7/runtime/loop.h"
#include "l7/runtime/spawn.h"

namespace cardea::l7::door {

inline FileDescriptor test_bell() { return FileDescriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }

// A door, and the dataplane's end of it: of `workers` workers and one shard.
struct DoorEnd {
  explicit DoorEnd(uint32_t of_workers) : workers(of_workers) {}

  // With pipes to the workers that are `full` of something else.
  void make(bool full = false) {
    memory = std::make_unique<L7Door>(*L7Door::create(L7Door::shape(workers, 1, 1 << 20)));
    DoorHandover handover{.memory = FileDescriptor(::dup(memory->memory_fd())),
                          .worker_bells = {},
                          .shard_bells = {},
                          .instance = instance};
    for (uint32_t i = 0; i < workers; ++i) handover.worker_bells.push_back(test_bell());
    handover.shard_bells.push_back(test_bell());
    attached = *AttachedDoor::take(std::move(handover), 1);
    down.clear();
    up.clear();
    for (uint32_t i = 0; i < workers; ++i) {
      down.emplace_back(memory->down(i, 0), memory->shape().down_bytes);
      up.emplace_back(memory->up(i, 0), memory->shape().up_bytes);
      if (full) fill(memory->down(i, 0));
    }
  }
  void fill(PacketPipe& pipe) {
    PacketWriter writer(pipe, memory->shape().down_bytes);
    while (!writer.reserve(1000).empty()) writer.commit(1000);
    writer.publish();
  }

  const uint32_t workers;
  uint32_t instance = 0;
  std::unique_ptr<L7Door> memory;
  std::shared_ptr<AttachedDoor> attached;
  std::vector<PacketReader> down;
  std::vector<PacketWriter> up;
};

// A host: its loop, its shard's end of a door, and the dataplane's.
struct Host : DoorEnd {
  explicit Host(uint32_t of_workers = 1, Sizes sizes = {}) : DoorEnd(of_workers) {
    door->open(sizes);
    attach();
  }
  void attach(bool full = false) {
    make(full);
    door->attach(attached);
  }

  std::unique_ptr<Loop> loop = *Loop::create(Loop::Clock::kManual);
  ChunkPool chunks;
  Arena arena{chunks};
  std::unique_ptr<ShardDoor> door = std::make_unique<ShardDoor>(*loop, 0);
};

// What carries packets between two doors.
struct Carrier {
  uint32_t lose_every = 0;  // 0: nothing is lost
  bool cut = false;         // nothing arrives
  uint64_t carried = 0, lost = 0;

  // Whether there was anything to carry.
  bool carry(DoorEnd& from, DoorEnd& to) {
    const uint64_t before = carried;
    for (PacketReader& reader : from.down) {
      while (const auto record = reader.next()) {
        ++carried;
        if (cut || (lose_every != 0 && carried % lose_every == 0))
          ++lost;
        else
          put(record->packet, to.up[carried % to.up.size()]);
      }
      reader.release();
    }
    for (PacketWriter& writer : to.up) writer.publish();
    return carried != before;
  }
  static void put(Bytes packet, PacketWriter& writer) {
    const MutableBytes room = writer.reserve(uint32_t(packet.size()));
    if (room.empty()) return;  // the pipe is full: lost as well
    std::ranges::copy(packet, room.begin());
    writer.commit(uint32_t(room.size()));
  }
};

struct Middle : Carrier {
  explicit Middle(uint32_t workers = 1, Sizes sizes = {}) : left(workers, sizes), right(workers, sizes) {}
  ~Middle() {
    left.loop->end_tasks();
    right.loop->end_tasks();
  }

  Host left, right;
  unsigned rounds_max = UINT32_MAX;  // to and fro in a millisecond
  // Until nothing moves any more, or it was enough; then time goes on by a millisecond.
  void step() {
    for (unsigned round = 0; round < rounds_max; ++round) {
      left.loop->run_until_idle();
      right.loop->run_until_idle();
      const bool one = carry(left, right), other = carry(right, left);
      if (!one && !other) break;
    }
    left.loop->advance(std::chrono::milliseconds(1));
    right.loop->advance(std::chrono::milliseconds(1));
  }
  // False: it did not come about in that time.
  bool run(const std::function<bool()>& until, std::chrono::milliseconds most = std::chrono::seconds(300)) {
    for (auto past = std::chrono::milliseconds(0); past < most; past += std::chrono::milliseconds(1)) {
      if (until()) return true;
      step();
    }
    return until();
  }
  bool run_tasks() {
    return run([this] { return left.loop->spawned() + right.loop->spawned() == 0; });
  }
};

}  // namespace cardea::l7::door
