// Whom this host's kernel is talking to: the connections of its programs (health probes, backends of L7, name servers,
// ssh that goes on), as the door sees them leave. What comes back for one of them is wanted; a packet out of the blue
// is not. A set of four ways with a tag and a time for each; the oldest of a bucket gives way, and a wrong yes (one
// in 16,000) lets a stray packet through a better queue. The door's threads write, all workers read; no lock, no
// allocation after construction. Of two that write to one place at once one is forgotten, until its next packet.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>

#include "base/flow_hash.h"

namespace cardea::dataplane {

class Conversations {
 public:
  static constexpr uint32_t kBuckets = 1 << 16, kWays = 4;
  static constexpr uint16_t kPatienceS = 600;  // a connection that was silent for longer begins as a stranger again

  // `tuple`: as packets come in, from the other side to this host.
  static uint64_t hash(HashKey key, const FlowTuple& tuple) { return flow_hash(key, tuple); }

  // By the door's threads. false: another that still went on was forgotten for it.
  bool remember(uint64_t hash, uint32_t now_s) {
    Bucket& bucket = buckets_[hash % kBuckets];
    Way* chosen = &bucket[0];
    for (Way& way : bucket) {
      const uint32_t held = way.load(std::memory_order_relaxed);
      if (held >> 16 == tag_of(hash)) {
        chosen = &way;
        break;
      }
      if (age(held, now_s) > age(chosen->load(std::memory_order_relaxed), now_s)) chosen = &way;
    }
    const uint32_t entry = tag_of(hash) << 16 | (now_s & 0xffff), held = chosen->load(std::memory_order_relaxed);
    if (held != entry) chosen->store(entry, std::memory_order_relaxed);
    return held >> 16 == tag_of(hash) || age(held, now_s) > kPatienceS;
  }

  // Any thread. A stale entry seems young again 18 hours later, for ten minutes.
  bool knows(uint64_t hash, uint32_t now_s) const {
    for (const Way& way : buckets_[hash % kBuckets]) {
      const uint32_t held = way.load(std::memory_order_relaxed);
      if (held >> 16 == tag_of(hash) && age(held, now_s) <= kPatienceS) return true;
    }
    return false;
  }

 private:
  using Way = std::atomic<uint32_t>;  // tag, and the seconds' low half; 0: free
  using Bucket = std::array<Way, kWays>;

  static uint32_t tag_of(uint64_t hash) { return uint32_t(hash >> 48) | 1; }
  static uint32_t age(uint32_t held, uint32_t now_s) { return held == 0 ? 0x10000 : (now_s - held) & 0xffff; }

  std::unique_ptr<Bucket[]> buckets_ = std::make_unique<Bucket[]>(kBuckets);
};

}  // namespace cardea::dataplane
