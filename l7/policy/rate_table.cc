#include "l7/policy/rate_table.h"

#include <algorithm>
#include <thread>

namespace cardea::l7::policy {
namespace {

// Held for a few loads and stores; a holder may lose its processor for longer.
class Hold {
 public:
  explicit Hold(std::atomic<uint32_t>& lock) : lock_(lock) {
    for (int tries = 0; lock_.exchange(1, std::memory_order_acquire) != 0; ++tries)
      if (tries > 100) std::this_thread::yield();
  }
  ~Hold() { lock_.store(0, std::memory_order_release); }

 private:
  std::atomic<uint32_t>& lock_;
};

}  // namespace

Rate Rate::of(uint32_t requests, std::chrono::nanoseconds period, uint32_t burst) {
  return {std::max(period / requests, std::chrono::nanoseconds(1)), std::max(burst == 0 ? requests : burst, 1u)};
}

RateTable::RateTable(size_t keys_max)
    : buckets_((keys_max + kSlots - 1) / kSlots + 1), table_(std::make_unique<Bucket[]>(buckets_)) {}

RateTable::Verdict RateTable::take(uint64_t key, const Rate& rate, std::chrono::nanoseconds now) {
  Bucket& bucket = table_[size_t((unsigned __int128)(key) * buckets_ >> 64)];
  const Hold hold(bucket.locked);
  auto* slot = std::ranges::find(bucket.slots, key, &Slot::key);
  if (slot == std::end(bucket.slots)) {
    slot = std::ranges::min_element(bucket.slots, {}, &Slot::arrival);
    if (slot->arrival > now.count()) return {.unknown = true};
    *slot = {key, now.count()};
  }
  const int64_t next = std::max(slot->arrival, now.count()) + rate.interval.count();
  const int64_t ahead = next - now.count() - rate.interval.count() * int64_t{rate.burst};
  if (ahead > 0) return {.allowed = false, .retry_in = std::chrono::nanoseconds(ahead)};
  slot->arrival = next;
  return {};
}

}  // namespace cardea::l7::policy
