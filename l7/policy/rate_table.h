// How far each key of a rate limit is ahead of its rate, for all shards together: the generic cell rate algorithm (ITU-T
// I.371), which keeps one point in time a key, the theoretical arrival of the next request. A key whose time has passed
// has its whole burst left and need not be known: only such are forgotten, so nobody who is over the limit is. Keys that
// find no room share one time a bucket, so that whoever fills the table with keys is limited too.
//
// Fixed memory: buckets of seven keys, each under a lock of its own that is held for some twenty nanoseconds. Any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace cardea::l7::policy {

struct Rate {
  std::chrono::nanoseconds interval{0};  // between two requests that keep the rate
  uint32_t burst = 1;                    // at once

  static Rate of(uint32_t requests, std::chrono::nanoseconds period, uint32_t burst);
};

class RateTable {
 public:
  explicit RateTable(size_t keys_max);

  struct Verdict {
    bool allowed = true;
    bool unknown = false;                  // there was no room to know the key: it shares what others like it leave
    std::chrono::nanoseconds retry_in{0};  // where it is not allowed
    std::chrono::nanoseconds whole_in{0};  // until the whole burst is there again
    int64_t left = 0;                      // that may come at once now
  };
  // `key`: a hash that nobody outside can aim (base/flow_hash.h). `now`: of one clock for all.
  Verdict take(uint64_t key, const Rate& rate, std::chrono::nanoseconds now);

  size_t room() const { return buckets_ * kSlots; }

 private:
  static Verdict advance(int64_t& arrival, const Rate& rate, std::chrono::nanoseconds now, bool unknown);

  static constexpr size_t kSlots = 7;
  struct Slot {
    uint64_t key;
    int64_t arrival;  // nanoseconds of `now`'s clock
  };
  struct alignas(128) Bucket {
    std::atomic<uint32_t> locked{0};
    Slot slots[kSlots]{};
    int64_t others = 0;  // the arrival of all keys together for which there was no slot
  };
  static_assert(sizeof(Bucket) == 128);

  const size_t buckets_;
  std::unique_ptr<Bucket[]> table_;
};

}  // namespace cardea::l7::policy
