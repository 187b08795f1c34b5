// Which flows began at a new instance of cardea-l7 while an older one still has its own: hashes of flows, 1,048,576 of
// them in 4 MB that nobody pays for before they are used. Made for the seconds in which an upgrade drains: nothing is
// ever taken out, and beyond its room an entry gives way to a newer one of its bucket.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>

#include "base/check.h"

namespace cardea::dataplane {

class BegunFlows {
 public:
  static constexpr uint32_t kBuckets = 1 << 17, kEach = 8;

  BegunFlows() : buckets_(static_cast<Bucket*>(std::calloc(kBuckets, sizeof(Bucket)))) {
    CHECK(buckets_ != nullptr, "no memory for the flows of a new cardea-l7");
  }

  void add(uint64_t hash) {
    if (has(hash)) return;
    Bucket& bucket = buckets_[hash % kBuckets];
    for (uint32_t& tag : bucket.tags)
      if (tag == 0) {
        tag = tag_of(hash);
        return;
      }
    bucket.tags[(hash >> 20) % kEach] = tag_of(hash);
  }
  bool has(uint64_t hash) const {
    for (const uint32_t tag : buckets_[hash % kBuckets].tags)
      if (tag == tag_of(hash)) return true;
    return false;
  }

 private:
  struct Bucket {
    uint32_t tags[kEach];  // 0: free
  };
  struct Free {
    void operator()(Bucket* buckets) const { std::free(buckets); }
  };
  static uint32_t tag_of(uint64_t hash) { return uint32_t(hash >> 32) | 1; }

  std::unique_ptr<Bucket[], Free> buckets_;
};

}  // namespace cardea::dataplane
