#include "l7/policy/place_table.h"

#include "base/check.h"

namespace cardea::l7::policy {

bool PlaceTable::enter(uint64_t key, uint32_t most) {
  Stripe& at = stripe(key);
  const std::lock_guard lock(at.mutex);
  uint32_t& count = at.under_way[key];
  if (count >= most) return false;
  ++count;
  return true;
}

void PlaceTable::leave(uint64_t key) {
  Stripe& at = stripe(key);
  const std::lock_guard lock(at.mutex);
  const auto found = at.under_way.find(key);
  CHECK(found != at.under_way.end());
  if (--found->second == 0) at.under_way.erase(found);
}

size_t PlaceTable::keys() const {
  size_t keys = 0;
  for (size_t i = 0; i < kStripes; ++i) {
    const std::lock_guard lock(stripes_[i].mutex);
    keys += stripes_[i].under_way.size();
  }
  return keys;
}

}  // namespace cardea::l7::policy
