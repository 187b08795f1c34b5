// URLs whose responses were of no use to the cache a moment ago, as fingerprints with the second until which that is
// believed (what Varnish calls hit-for-miss). Such a response is not asked for whole in order to store it. A slot
// remembers one; two that meet in it cost a guess, never a wrong answer to a client. Any thread, without a lock.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace cardea::l7::cache {

class Uncacheable {
 public:
  static constexpr uint32_t kSeconds = 60;  // then one response is asked for whole again, and judged anew

  // A slot for each 16 KB of the cache's memory: 0.05 % of it.
  explicit Uncacheable(uint64_t memory_bytes)
      : slots_(std::bit_floor(std::clamp<uint64_t>(memory_bytes >> 14, 1, 1 << 16))) {}

  uint64_t own_bytes() const { return slots_.size() * sizeof slots_[0]; }
  void add(uint64_t hash, int64_t now) {
    slot(hash).store(fingerprint(hash) | uint32_t(now + kSeconds), std::memory_order_relaxed);
  }
  bool holds(uint64_t hash, int64_t now) const {
    const uint64_t held = slots_[hash & (slots_.size() - 1)].load(std::memory_order_relaxed);
    return (held & kFingerprint) == fingerprint(hash) && uint32_t(held) > uint32_t(now);
  }

 private:
  static constexpr uint64_t kFingerprint = 0xffffffff00000000;
  static uint64_t fingerprint(uint64_t hash) { return hash & kFingerprint; }
  std::atomic<uint64_t>& slot(uint64_t hash) { return slots_[hash & (slots_.size() - 1)]; }

  std::vector<std::atomic<uint64_t>> slots_;
};

}  // namespace cardea::l7::cache
