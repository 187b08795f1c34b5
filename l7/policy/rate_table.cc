#include "l7/policy/rate_table.h"

#include <algorithm>
#include <limits>
#include <thread>

namespace cardea::l7::policy {
namespace {

// Of a point in time: more is never owed, and can be counted.
constexpr int64_t kFarthest = std::numeric_limits<int64_t>::max() / 2;

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

ByteRate ByteRate::of(uint64_t bytes, std::chrono::nanoseconds period, uint64_t burst) {
  ByteRate rate{period, bytes};
  if (bytes != 0) rate.ahead = std::max(rate.share(burst == 0 ? bytes : burst), std::chrono::nanoseconds(1));
  return rate;
}

std::chrono::nanoseconds ByteRate::share(uint64_t of) const {
  const auto share = ((unsigned __int128)(of) * uint64_t(period.count()) + bytes / 2) / bytes;
  return std::chrono::nanoseconds(int64_t(std::min<unsigned __int128>(share, uint64_t(kFarthest / 4))));
}

RateTable::RateTable(size_t keys_max)
    : buckets_((keys_max + kSlots - 1) / kSlots + 1), table_(std::make_unique<Bucket[]>(buckets_)) {}

// The key's own, or what those share that have none.
RateTable::Place RateTable::place_of(Bucket& bucket, uint64_t key, std::chrono::nanoseconds now) {
  auto* slot = std::ranges::find(bucket.slots, key, &Slot::key);
  if (slot == std::end(bucket.slots)) {
    slot = std::ranges::min_element(bucket.slots, {}, &Slot::arrival);
    if (slot->arrival > now.count()) return {bucket.others, true};
    *slot = {key, now.count()};
  }
  return {slot->arrival, false};
}

RateTable::Verdict RateTable::take(uint64_t key, const Rate& rate, std::chrono::nanoseconds now) {
  Bucket& bucket = bucket_of(key);
  const Hold hold(bucket.locked);
  return advance(place_of(bucket, key, now), rate, now);
}

RateTable::Verdict RateTable::look(uint64_t key, std::chrono::nanoseconds ahead, std::chrono::nanoseconds now) {
  Bucket& bucket = bucket_of(key);
  const Hold hold(bucket.locked);
  const Place place = place_of(bucket, key, now);
  const int64_t is_ahead = std::max(place.arrival - now.count(), int64_t{0});
  const int64_t over = is_ahead - ahead.count();
  return {.allowed = over < 0,
          .unknown = place.unknown,
          .retry_in = std::chrono::nanoseconds(over < 0 ? 0 : over + 1),
          .whole_in = std::chrono::nanoseconds(is_ahead)};
}

bool RateTable::charge(uint64_t key, std::chrono::nanoseconds took, std::chrono::nanoseconds now) {
  Bucket& bucket = bucket_of(key);
  const Hold hold(bucket.locked);
  const Place place = place_of(bucket, key, now);
  const int64_t from = std::max(place.arrival, now.count());
  place.arrival = from + std::min(took.count(), std::max<int64_t>(kFarthest - from, 0));
  return !place.unknown;
}

RateTable::Count RateTable::count(std::chrono::nanoseconds now, size_t buckets_max) {
  const size_t looked_at = std::clamp<size_t>(buckets_max, 1, buckets_);
  size_t keys = 0;
  for (size_t i = 0; i < looked_at; ++i) {
    Bucket& bucket = table_[size_t((unsigned __int128)(i) * buckets_ / looked_at)];
    const Hold hold(bucket.locked);
    keys += size_t(std::ranges::count_if(bucket.slots, [now](const Slot& slot) { return slot.arrival > now.count(); }));
  }
  if (looked_at == buckets_) return {keys, true};
  return {size_t((unsigned __int128)(keys) * buckets_ / looked_at), false};
}

RateTable::Verdict RateTable::advance(Place place, const Rate& rate, std::chrono::nanoseconds now) {
  int64_t& arrival = place.arrival;
  const int64_t interval = rate.interval.count(), burst = interval * int64_t{rate.burst};
  const int64_t next = std::max(arrival, now.count()) + interval, ahead = next - now.count() - burst;
  Verdict verdict{.allowed = ahead <= 0, .unknown = place.unknown};
  if (verdict.allowed) arrival = next;
  verdict.retry_in = std::chrono::nanoseconds(std::max<int64_t>(ahead, 0));
  verdict.whole_in = std::chrono::nanoseconds(arrival - now.count());
  verdict.left = std::max<int64_t>(0, (burst - verdict.whole_in.count()) / interval);
  return verdict;
}

}  // namespace cardea::l7::policy
