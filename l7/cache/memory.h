// The stripes of a cache and the one ledger above them: makes room by letting objects go, and counts what came and
// went. Any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/flow_hash.h"
#include "l7/cache/cache.h"
#include "l7/cache/ledger.h"
#include "l7/cache/stripe.h"

namespace cardea::l7::cache {

class Memory {
 public:
  explicit Memory(const Limits& limits);
  Memory(const Memory&) = delete;

  Stripe& stripe(uint64_t hash) { return *stripes_[share_of(hash, uint32_t(stripes_.size()))]; }
  const std::shared_ptr<Ledger>& ledger() const { return ledger_; }
  uint32_t stale_on_error() const { return stale_on_error_.load(std::memory_order_relaxed); }
  uint64_t object_bytes_max() const { return object_bytes_max_.load(std::memory_order_relaxed); }
  void set_limits(const Limits& limits);

  // Charges the ledger, letting as many objects go as it takes. False, and counted as refused: all that is left is
  // being read or written.
  bool take(uint64_t bytes);
  // A copy of the content without a body of its own, or with room for `inline_body`; null where there is no room.
  Object* create(const Content& content, uint64_t inline_body);
  // Takes the object's reference, and lets it go at once where its URL was purged while it came, or where what it
  // `renews` has made room for another: false.
  bool link(Object* object, uint64_t removals_before, const Object* renews = nullptr);
  size_t remove(uint64_t hash, std::string_view key, std::optional<std::string_view> pool);

  void count_refused() { refused_.fetch_add(1, std::memory_order_relaxed); }
  Figures figures() const;

 private:
  bool evict_one();

  std::shared_ptr<Ledger> ledger_;
  std::atomic<uint64_t> object_bytes_max_;
  std::atomic<uint32_t> stale_on_error_;
  std::vector<std::unique_ptr<Stripe>> stripes_;
  std::atomic<uint32_t> next_victim_{0};
  std::atomic<uint64_t> stored_{0}, evicted_{0}, purged_{0}, refused_{0};
};

}  // namespace cardea::l7::cache
