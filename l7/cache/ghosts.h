// S3-FIFO's third queue: which objects left the small queue unused not long ago, as fingerprints with the number of the
// eviction. A slot remembers one; two that meet in it cost a guess, never a wrong answer to a client.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace cardea::l7::cache {

class Ghosts {
 public:
  explicit Ghosts(size_t slots) : slots_(std::bit_ceil(slots)) {}

  void add(uint64_t hash) { slots_[hash & (slots_.size() - 1)] = {fingerprint(hash), ++evictions_}; }
  // Whether it was among the last `reach` that left.
  bool holds(uint64_t hash, uint32_t reach) const {
    const Slot& slot = slots_[hash & (slots_.size() - 1)];
    return slot.eviction != 0 && slot.fingerprint == fingerprint(hash) && evictions_ - slot.eviction < reach;
  }
  size_t bytes() const { return slots_.size() * sizeof(Slot); }

 private:
  struct Slot {
    uint32_t fingerprint = 0, eviction = 0;
  };
  static uint32_t fingerprint(uint64_t hash) { return uint32_t(hash >> 32); }

  std::vector<Slot> slots_;
  uint32_t evictions_ = 0;
};

}  // namespace cardea::l7::cache
