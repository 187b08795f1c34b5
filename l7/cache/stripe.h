// One part of a cache with a lock of its own, which is held to look something up, to link or to unlink, and never while
// memory is copied, asked for or given back: what leaves is handed to the caller. Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "l7/cache/queues.h"
#include "l7/cache/table.h"

namespace cardea::l7::cache {

class Stripe {
 public:
  // Objects of one URL that differ by their selectors, or by the pools and ports that answered; the oldest goes for the next.
  static constexpr size_t kVariantsMax = 16;

  explicit Stripe(size_t chains);
  ~Stripe();

  struct Found {
    ObjectPointer object;  // the newest that is for such a request, as used once more
    uint64_t removals;     // so far, to be told to link(): what was asked of a backend before its URL was purged stays out
  };
  Found find(uint64_t hash, std::string_view key, const Request& request);

  // Takes the reference that `object` has; what it replaces leaves with `gone`. False, and nothing taken: its URL was
  // purged meanwhile, or the one it `renews` is no longer here.
  bool link(Object* object, uint64_t removals_before, const Object* renews, std::vector<ObjectPointer>& gone);
  // Nothing where it left already.
  ObjectPointer unlink(const Object& object);
  // Everything under `key`, or what one pool answered.
  std::vector<ObjectPointer> remove(uint64_t hash, std::string_view key, std::optional<std::string_view> pool);
  ObjectPointer evict();

  uint64_t objects();
  size_t own_bytes() const { return table_.own_bytes() + queues_.own_bytes() + sizeof *this; }

 private:
  ObjectPointer take(Object& object);
  bool removed_since(uint64_t hash, uint64_t removals_before) const;

  std::mutex mutex_;
  Table table_;
  Queues queues_;
  // The last URLs that were removed on purpose; when more were removed since, an object on its way is not linked.
  std::array<uint64_t, 64> removed_{};
  uint64_t removals_ = 0;
};

}  // namespace cardea::l7::cache
