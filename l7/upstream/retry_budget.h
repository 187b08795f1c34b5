// How many retries a pool's requests have earned: so many percent of them, and some to spare, so that single failures
// of a quiet pool are always taken elsewhere. A shard's own: percent add up over shards, and what is to spare is divided.
#pragma once

#include <algorithm>
#include <cstdint>

namespace cardea::l7::upstream {

class RetryBudget {
 public:
  static constexpr uint32_t kSpareOfHost = 100;

  explicit RetryBudget(uint32_t shards) : most_(uint64_t{std::max(1u, kSpareOfHost / shards)} * kRetry), left_(most_) {}

  void earn(uint32_t percent) { left_ = std::min(most_, left_ + percent); }
  // False: none is left. `percent` 0: there is no limit.
  bool spend(uint32_t percent) {
    if (percent == 0) return true;
    if (left_ < kRetry) return false;
    left_ -= kRetry;
    return true;
  }

 private:
  static constexpr uint64_t kRetry = 100;  // what one costs, in hundredths
  uint64_t most_, left_;
};

}  // namespace cardea::l7::upstream
