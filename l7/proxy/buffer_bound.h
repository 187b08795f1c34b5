// l7.buffers: the one bound on what all shards' buffers take. Shards borrow of it in chunks and lend from what they borrowed,
// so that one of them may use what the others leave, and a request costs nothing that shards share. What a shard keeps
// unused is at most two chunks, all shards' together an eighth of the bound.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>

#include "base/cache_line.h"

namespace cardea::l7::proxy {

class BufferBound {
 public:
  explicit BufferBound(size_t bytes, size_t shards = 1) { set(bytes, shards); }

  // What was borrowed before stays borrowed.
  void set(size_t bytes, size_t shards) {
    max_.store(bytes, std::memory_order_relaxed);
    chunk_.store(std::clamp<size_t>(bytes / (16 * shards), 1, kChunkMax), std::memory_order_relaxed);
  }
  size_t max() const { return max_.load(std::memory_order_relaxed); }
  size_t chunk() const { return chunk_.load(std::memory_order_relaxed); }
  size_t borrowed() const { return borrowed_.load(std::memory_order_relaxed); }

  // False: it would make more than `most` of all shards.
  bool borrow(size_t bytes, size_t most) {
    size_t now = borrowed();
    do {
      if (now + bytes > most) return false;
    } while (!borrowed_.compare_exchange_weak(now, now + bytes, std::memory_order_relaxed));
    return true;
  }
  // What was taken without asking.
  void owe(size_t bytes) { borrowed_.fetch_add(bytes, std::memory_order_relaxed); }
  void give_back(size_t bytes) { borrowed_.fetch_sub(bytes, std::memory_order_relaxed); }

 private:
  static constexpr size_t kChunkMax = 256 * 1024;
  alignas(kCacheLinePair) std::atomic<size_t> borrowed_ = 0;
  std::atomic<size_t> max_, chunk_;
};

}  // namespace cardea::l7::proxy
