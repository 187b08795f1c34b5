// How many requests of each key are under way (rate_limits[].concurrent), on all shards together. What is under way bounds
// the memory: a key is known as long as it has a request. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace cardea::l7::policy {

class PlaceTable {
 public:
  // False: there are as many as may be. `key`: a hash that nobody outside can aim.
  bool enter(uint64_t key, uint32_t most);
  void leave(uint64_t key);  // once for each that entered
  size_t keys() const;

 private:
  static constexpr size_t kStripes = 64;
  struct alignas(64) Stripe {
    mutable std::mutex mutex;  // held for one look
    std::unordered_map<uint64_t, uint32_t> under_way;
  };
  Stripe& stripe(uint64_t key) { return stripes_[key % kStripes]; }

  std::unique_ptr<Stripe[]> stripes_ = std::make_unique<Stripe[]>(kStripes);
};

}  // namespace cardea::l7::policy
