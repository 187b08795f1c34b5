#include "l7/policy/rate_table.h"

#include <algorithm>
#include <limits>
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
  const auto interval = std::max(period / requests, std::chrono::nanoseconds(1));
  // A burst of decades is as good as any that is longer, and can be counted in nanoseconds.
  const int64_t most = (std::numeric_limits<int64_t>::max() / 4) / interval.count();
  return {interval, uint32_t(std::clamp<int64_t>(burst == 0 ? requests : burst, 1, std::max<int64_t>(most, 1)))};
}

RateTable::RateTable(size_t keys_max)
    : buckets_((keys_max + kSlots - 1) / kSlots + 1), table_(std::make_unique<Bucket[]>(buckets_)) {}

RateTable::Verdict RateTable::take(uint64_t key, const Rate& rate, std::chrono::nanoseconds now) {
  Bucket& bucket = table_[size_t((unsigned __int128)(key) * buckets_ >> 64)];
  const Hold hold(bucket.locked);
  auto* slot = std::ranges::find(bucket.slots, key, &Slot::key);
  if (slot == std::end(bucket.slots)) {
    slot = std::ranges::min_element(bucket.slots, {}, &Slot::arrival);
    if (slot->arrival > now.count()) return advance(bucket.others, rate, now, true);
    *slot = {key, now.count()};
  }
  return advance(slot->arrival, rate, now, false);
}

RateTable::Verdict RateTable::advance(int64_t& arrival, const Rate& rate, std::chrono::nanoseconds now, bool unknown) {
  const int64_t interval = rate.interval.count(), burst = interval * int64_t{rate.burst};
  const int64_t next = std::max(arrival, now.count()) + interval, ahead = next - now.count() - burst;
  Verdict verdict{.allowed = ahead <= 0, .unknown = unknown};
  if (verdict.allowed) arrival = next;
  verdict.retry_in = std::chrono::nanoseconds(std::max<int64_t>(ahead, 0));
  verdict.whole_in = std::chrono::nanoseconds(arrival - now.count());
  verdict.left = std::max<int64_t>(0, (burst - verdict.whole_in.count()) / interval);
  return verdict;
}

}  // namespace cardea::l7::policy
