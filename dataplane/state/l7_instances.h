// The running cardea-l7 that speak TCP of their own, as the workers see them: for each one its door (base/l7_door.h),
// and for each worker that worker's ends of the pipes in it. Which instances there are is published as an immutable
// value; what is in a row is its worker's alone.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/error.h"
#include "base/l7_door.h"
#include "base/l7_door_socket.h"
#include "dataplane/state/begun_flows.h"
#include "dataplane/state/pipe_bell.h"

namespace cardea::dataplane {

class L7Instance {
 public:
  // Between one worker and one shard.
  struct Way {
    PacketWriter up;
    PacketReader down;
    SharedBell bell;           // the shard's
    bool anything_up = false;  // committed in this burst, to be published
  };
  struct Row {
    std::vector<Way> ways;  // by shard
    SharedBell asleep;      // the worker's own
    BegunFlows begun;       // here, as long as there is an older instance
  };
  // Of all pipes together: 4 MB each, 40 ms of a gigabit, for one worker and up to eight shards.
  static constexpr uint64_t kBytesMax = 64 << 20;

  static Result<std::shared_ptr<L7Instance>> create(uint32_t number, uint32_t workers, uint32_t shards,
                                                    uint64_t bytes_max = kBytesMax);
  L7Instance(const L7Instance&) = delete;

  uint32_t number() const { return number_; }  // of kInstances
  uint32_t shards() const { return door_.shape().shards; }
  const L7Door& door() const { return door_; }
  const std::vector<PipeBell>& shard_bells() const { return shard_bells_; }
  Row& row(uint32_t worker) { return rows_[worker]; }

  // A worker found a pipe that does not add up: it is not used any more, and control ends the instance.
  void find_broken() { broken_.store(true, std::memory_order_relaxed); }
  bool is_broken() const { return broken_.load(std::memory_order_relaxed); }

 private:
  L7Instance(uint32_t number, L7Door door, std::vector<PipeBell> shard_bells);

  uint32_t number_;
  L7Door door_;
  std::vector<PipeBell> shard_bells_;
  std::vector<Row> rows_;  // by worker
  std::atomic<bool> broken_ = false;
};

// How the last instance of a number left, where there is none.
enum class Left : uint8_t {
  kNever,  // none was attached by this dataplane: one that knows its connections may come
  kAway,   // alive, and comes back
  kEnded,  // its connections are nobody's
};

struct L7Instances {
  std::array<std::shared_ptr<L7Instance>, kInstances> by_number;
  std::array<Left, kInstances> left{};
  L7Instance* newest = nullptr;  // gets new connections
  L7Instance* older = nullptr;   // keeps those it has

  // Some have been here, and none of them comes back.
  bool all_ended() const;
};

// Of worker `worker`, before it sleeps. False: there is something to read first.
bool arm(const L7Instances& instances, uint32_t worker);
void disarm(const L7Instances& instances, uint32_t worker);

}  // namespace cardea::dataplane
