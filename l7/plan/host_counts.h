// What the shards count together, because its limit is the host's: a share for each shard would refuse on one what
// another has room for. A part of the plan leads to its own, which stays the same from plan to plan as long as the part
// does; whoever took one gives it back to where it was taken, whatever became of the plan.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "base/cache_line.h"
#include "l7/plan/host_ejection.h"
#include "l7/plan/host_latency.h"

namespace cardea::l7 {

class HostCount {
 public:
  // One more, unless there are `most` already.
  bool take(uint32_t most) {
    uint32_t now = count_.load(std::memory_order_relaxed);
    do {
      if (now >= most) return false;
    } while (!count_.compare_exchange_weak(now, now + 1, std::memory_order_relaxed));
    return true;
  }
  void take() { count_.fetch_add(1, std::memory_order_relaxed); }
  void give_back() { count_.fetch_sub(1, std::memory_order_relaxed); }
  uint32_t now() const { return count_.load(std::memory_order_relaxed); }

 private:
  alignas(kCacheLinePair) std::atomic<uint32_t> count_ = 0;
};

// One of those, for as long as this is there.
class HostPlace {
 public:
  HostPlace() = default;
  // Of one that was taken.
  explicit HostPlace(std::shared_ptr<HostCount> of) : of_(std::move(of)) {}
  HostPlace(HostPlace&&) noexcept = default;
  HostPlace& operator=(HostPlace&&) = delete;
  ~HostPlace() {
    if (of_) of_->give_back();
  }

 private:
  std::shared_ptr<HostCount> of_;
};

struct BackendCounts {
  HostCount busy;  // exchanges and tunnels under way, where a limit or the balance asks for them
  HostCount kept;  // connections that may idle
  HostLatency latency;  // where the balance asks for it
  HostEjection ejection;
};

struct PoolCounts {
  HostCount queued;  // exchanges that wait for a backend
  HostCount copies;  // of other pools' requests that are under way to it (mirror)
  std::atomic_flag
      ejecting;  // a shard decides whether one more may be ejected: the others leave it to their next error
};

// Whose turn it is, of all exchanges of this host.
struct HostTurn {
  alignas(kCacheLinePair) std::atomic<uint64_t> next = 0;
};

}  // namespace cardea::l7
