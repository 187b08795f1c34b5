// l7.compression: the one bound on what all shards' compressors take. Each is paid for by the most that it may come to, from
// the first body that it is made for until it is gone, idle or not.
#pragma once

#include <atomic>
#include <cstddef>

#include "base/cache_line.h"

namespace cardea::l7::compress {

class Bound {
 public:
  Bound(size_t bytes, size_t shards) { set(bytes, shards); }

  void set(size_t bytes, size_t shards) {
    max_.store(bytes, std::memory_order_relaxed);
    idle_max_.store(bytes / (2 * shards), std::memory_order_relaxed);
  }
  size_t taken() const { return taken_.load(std::memory_order_relaxed); }
  // What a shard may keep for its next body: all together half of the bound, so that no shard is refused much of it for
  // what others do not use.
  size_t idle_max() const { return idle_max_.load(std::memory_order_relaxed); }

  // False: it would be too much.
  bool take(size_t bytes) {
    size_t now = taken();
    do {
      if (now + bytes > max_.load(std::memory_order_relaxed)) return false;
    } while (!taken_.compare_exchange_weak(now, now + bytes, std::memory_order_relaxed));
    return true;
  }
  void give_back(size_t bytes) { taken_.fetch_sub(bytes, std::memory_order_relaxed); }

 private:
  alignas(kCacheLinePair) std::atomic<size_t> taken_ = 0;
  std::atomic<size_t> max_, idle_max_;
};

}  // namespace cardea::l7::compress
