// How far each key of a rate limit is ahead of its rate, for all shards together: the generic cell rate algorithm (ITU-T
// I.371), which keeps one point in time a key, the theoretical arrival of the next request. A key whose time has passed
// has its whole burst left and need not be known: only such are forgotten, so nobody who is over the limit is. Keys that
// find no room share one time a bucket, so that whoever fills the table with keys is limited too.
//
// What is known only as it comes, bytes, is looked at before and charged behind: a key may go on while it is not ahead by
// its whole burst, and owes what it had beyond that.
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

struct ByteRate {
  std::chrono::nanoseconds period{0};
  uint64_t bytes = 0;                  // in it; 0: any number
  std::chrono::nanoseconds ahead{0};   // that a key may be: what its burst takes

  static ByteRate of(uint64_t bytes, std::chrono::nanoseconds period, uint64_t burst);
  // The time that so many are a share of.
  std::chrono::nanoseconds share(uint64_t bytes) const;
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
  // Whether a key may go on that may be so far ahead; nothing of `left` is known.
  Verdict look(uint64_t key, std::chrono::nanoseconds ahead, std::chrono::nanoseconds now);
  // It had what takes so long. False: there was no room to know the key.
  bool charge(uint64_t key, std::chrono::nanoseconds took, std::chrono::nanoseconds now);

  struct Count {
    size_t keys = 0;
    bool exact = true;  // else of a part of the table, as many as there are in all if the rest is like it
  };
  // Keys that are known for something. Looks at so many buckets.
  Count count(std::chrono::nanoseconds now, size_t buckets_max);

  size_t room() const { return buckets_ * kSlots; }

 private:
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
  struct Place {
    int64_t& arrival;
    bool unknown;
  };

  static Verdict advance(Place place, const Rate& rate, std::chrono::nanoseconds now);
  static Place place_of(Bucket& bucket, uint64_t key, std::chrono::nanoseconds now);
  Bucket& bucket_of(uint64_t key) { return table_[size_t((unsigned __int128)(key) * buckets_ >> 64)]; }

  const size_t buckets_;
  std::unique_ptr<Bucket[]> table_;
};

}  // namespace cardea::l7::policy
