#include "l7/policy/token_cache.h"

#include <algorithm>

#include "l7/policy/random_key.h"

namespace cardea::l7::policy {

TokenCache::TokenCache() : first_(random_key()), second_(random_key()), buckets_(kBuckets) {}

TokenCache::Print TokenCache::print_of(std::string_view token) const {
  return {text_hash(first_, token), text_hash(second_, token)};
}

std::shared_ptr<const Claims> TokenCache::find(std::string_view token, double now) const {
  const Print print = print_of(token);
  Bucket& at = bucket(print);
  const std::lock_guard lock(at.mutex);
  for (const Place& place : at.places)
    if (place.claims && place.print == print) return now < place.claims->until ? place.claims : nullptr;
  return nullptr;
}

void TokenCache::keep(std::string_view token, std::shared_ptr<const Claims> claims, double now) {
  constexpr size_t kBytesMax = 4096;  // of one: all of them 16 MB
  if (claims->bytes() > kBytesMax) return;
  const Print print = print_of(token);
  Bucket& at = bucket(print);
  const std::lock_guard lock(at.mutex);
  const auto is_free = [&](const Place& place) { return !place.claims || place.print == print || now >= place.claims->until; };
  auto* place = std::ranges::find_if(at.places, is_free);
  if (place == std::end(at.places)) place = &at.places[at.next++ % kPlaces];
  *place = {print, std::move(claims)};
}

}  // namespace cardea::l7::policy
