// Which flows began at a new instance of cardea-l7 while an older one still has its own: hashes of flows, 1,048,576 of
// them in 8 MB that nobody pays for before they are used. Made for the time in which an upgrade drains. An entry lives as
// long as its connection may be silent: of one that only began, a minute. Where a bucket is full, the one that was heard
// last longest ago gives way, and before any that go on those that only began or have begun to end: a flood of SYNs
// makes room for itself among its own. Work is that of one bucket, a cache line.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>

#include "base/check.h"

namespace cardea::dataplane {

class BegunFlows {
 public:
  static constexpr uint32_t kBuckets = 1 << 17, kEach = 8;
  // Since its client was heard last. A reset or FIN may be anybody's: what follows it shows whether it counted.
  static constexpr uint32_t kOnlyBegunMs = 60'000, kEndingMs = 15 * 60'000, kGoingOnMs = 3 * 3'600'000;

  BegunFlows() : buckets_(static_cast<Bucket*>(std::calloc(kBuckets, sizeof(Bucket)))) {
    CHECK(buckets_ != nullptr, "no memory for the flows of a new cardea-l7");
  }

  // By a SYN. False: one that was alive gave way.
  bool add(uint64_t hash, uint32_t now_ms) {
    Entry* entry = find(hash, now_ms);
    if (entry != nullptr) {
      if (state(*entry) == kEnding) *entry = {tag_of(hash) | kOnlyBegun, now_ms};
      return true;
    }
    Entry& victim = to_give_way(buckets_[hash % kBuckets], now_ms);
    const bool was_free = is_over(victim, now_ms);
    victim = {tag_of(hash) | kOnlyBegun, now_ms};
    return was_free;
  }
  // By another packet of the client's; `ends`: a FIN or a reset. Whether it began here.
  bool hear(uint64_t hash, uint32_t now_ms, bool ends) {
    Entry* entry = find(hash, now_ms);
    if (entry == nullptr) return false;
    const bool ending = ends || state(*entry) == kEnding;
    *entry = {tag_of(hash) | (ending ? kEnding : kGoesOn), now_ms};
    return true;
  }
  bool has(uint64_t hash, uint32_t now_ms) const { return find(hash, now_ms) != nullptr; }

 private:
  enum State : uint32_t { kFree, kOnlyBegun, kGoesOn, kEnding };
  struct Entry {
    uint32_t tag_and_state, heard_ms;
  };
  struct Bucket {  // 64 bytes
    Entry entries[kEach];
  };
  struct Free {
    void operator()(Bucket* buckets) const { std::free(buckets); }
  };

  static uint32_t tag_of(uint64_t hash) { return uint32_t(hash >> 32) & ~3u; }
  static uint32_t state(const Entry& entry) { return entry.tag_and_state & 3; }
  static bool is_over(const Entry& entry, uint32_t now_ms) {
    constexpr uint32_t kLives[] = {0, kOnlyBegunMs, kGoingOnMs, kEndingMs};
    return now_ms - entry.heard_ms >= kLives[state(entry)];
  }
  Entry* find(uint64_t hash, uint32_t now_ms) const {
    for (Entry& entry : buckets_[hash % kBuckets].entries)
      if ((entry.tag_and_state & ~3u) == tag_of(hash) && !is_over(entry, now_ms)) return &entry;
    return nullptr;
  }
  // The higher, the sooner: what is over, then what does not go on, then by silence.
  static uint64_t readiness(const Entry& entry, uint32_t now_ms) {
    if (is_over(entry, now_ms)) return UINT64_MAX;
    return uint64_t{state(entry) != kGoesOn} << 32 | (now_ms - entry.heard_ms);
  }
  static Entry& to_give_way(Bucket& bucket, uint32_t now_ms) {
    Entry* best = &bucket.entries[0];
    for (Entry& entry : bucket.entries)
      if (readiness(entry, now_ms) > readiness(*best, now_ms)) best = &entry;
    return *best;
  }

  std::unique_ptr<Bucket[], Free> buckets_;
};

}  // namespace cardea::dataplane
