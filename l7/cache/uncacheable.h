// URLs whose responses were of no use to the cache a moment ago, as fingerprints with the second until which that is
// believed (what Varnish calls hit-for-miss). Such a response is not asked for whole in order to store it. A slot
// remembers one; two that meet in it cost a guess, never a wrong answer to a client. Any thread, without a lock.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace cardea::l7::cache {

class Uncacheable {
 public:
  static constexpr size_t kSlots = 4096;
  static constexpr uint32_t kSeconds = 60;  // then one response is asked for whole again, and judged anew

  void add(uint64_t hash, int64_t now) {
    slot(hash).store(fingerprint(hash) | uint32_t(now + kSeconds), std::memory_order_relaxed);
  }
  bool holds(uint64_t hash, int64_t now) const {
    const uint64_t held = slots_[hash % kSlots].load(std::memory_order_relaxed);
    return (held & kFingerprint) == fingerprint(hash) && uint32_t(held) > uint32_t(now);
  }

 private:
  static constexpr uint64_t kFingerprint = 0xffffffff00000000;
  static uint64_t fingerprint(uint64_t hash) { return hash & kFingerprint; }
  std::atomic<uint64_t>& slot(uint64_t hash) { return slots_[hash % kSlots]; }

  std::array<std::atomic<uint64_t>, kSlots> slots_{};
};

}  // namespace cardea::l7::cache
