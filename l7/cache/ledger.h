// What a cache's memory is spent on, counted before it is asked for: nothing is allocated that was not taken here, so
// the sum never passes the limit. Objects carry it with them, because a slow client may hold one for longer than the
// cache lives. Any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace cardea::l7::cache {

// What an allocation of `size` bytes takes from the heap with glibc's header and rounding; large ones are mappings of
// their own.
constexpr uint64_t heap_cost(uint64_t size) {
  constexpr uint64_t kHeader = 8, kStep = 16, kPage = 4096, kMapped = 128 * 1024;
  if (size >= kMapped) return (size + 2 * kHeader + kPage - 1) / kPage * kPage;
  return (size + kHeader + kStep - 1) / kStep * kStep;
}

class Ledger {
 public:
  explicit Ledger(uint64_t limit) : limit_(limit) {}

  // False: there is not so much left.
  bool take(uint64_t bytes) {
    uint64_t now = bytes_.load(std::memory_order_relaxed);
    do {
      const uint64_t limit = limit_.load(std::memory_order_relaxed);
      if (now > limit || bytes > limit - now) return false;
    } while (!bytes_.compare_exchange_weak(now, now + bytes, std::memory_order_relaxed));
    return true;
  }
  // Without asking: the tables, which stand before there is anything to put in.
  void charge(uint64_t bytes) { bytes_.fetch_add(bytes, std::memory_order_relaxed); }
  void give(uint64_t bytes) { bytes_.fetch_sub(bytes, std::memory_order_relaxed); }

  uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  uint64_t limit() const { return limit_.load(std::memory_order_relaxed); }
  void set_limit(uint64_t limit) { limit_.store(limit, std::memory_order_relaxed); }
  bool over() const { return bytes() > limit(); }

 private:
  std::atomic<uint64_t> bytes_{0}, limit_;
};

}  // namespace cardea::l7::cache
