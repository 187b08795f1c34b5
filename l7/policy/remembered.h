// What was found out about somebody by a text that he brought: by a keyed hash of all its bytes, until it is over
// (`Kept::until`, seconds since 1970), so that it is found out once for a text and not for a request. A fixed number, each
// of bounded size; what has to give way is found out again. Any thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>
#include <vector>

#include "base/flow_hash.h"
#include "l7/policy/random_key.h"

namespace cardea::l7::policy {

// Of a text, by keys that nobody outside knows.
struct Print {
  uint64_t first = 0, second = 0;
  bool operator==(const Print&) const = default;
};

template <typename Kept>
class Remembered {
 public:
  static constexpr size_t kBuckets = 512, kPlaces = 8, kBytesMax = 4096;  // of one: all of them 16 MB

  explicit Remembered(size_t buckets = kBuckets) : buckets_(buckets) {}

  Print print_of(std::string_view text) const { return {text_hash(first_, text), text_hash(second_, text)}; }

  // Null: it is not known, or known no more at that time (seconds since 1970).
  std::shared_ptr<const Kept> find(const Print& print, double now) const {
    Bucket& at = bucket(print);
    const std::lock_guard lock(at.mutex);
    for (const Place& place : at.places)
      if (place.kept && place.print == print) return now < place.kept->until ? place.kept : nullptr;
    return nullptr;
  }
  void keep(const Print& print, std::shared_ptr<const Kept> kept, double now) {
    if (kept->bytes() > kBytesMax) return;
    Bucket& at = bucket(print);
    const std::lock_guard lock(at.mutex);
    const auto is_free = [&](const Place& place) { return !place.kept || place.print == print || now >= place.kept->until; };
    auto* place = std::ranges::find_if(at.places, is_free);
    if (place == std::end(at.places)) place = &at.places[at.next++ % kPlaces];
    *place = {print, std::move(kept)};
  }

  std::shared_ptr<const Kept> find(std::string_view text, double now) const { return find(print_of(text), now); }
  void keep(std::string_view text, std::shared_ptr<const Kept> kept, double now) { keep(print_of(text), std::move(kept), now); }

 private:
  struct Place {
    Print print;
    std::shared_ptr<const Kept> kept;
  };
  struct Bucket {
    mutable std::mutex mutex;  // held for a look at eight places
    Place places[kPlaces];
    size_t next = 0;  // to give way
  };
  Bucket& bucket(const Print& print) const { return buckets_[print.first % buckets_.size()]; }

  const HashKey first_ = random_key(), second_ = random_key();
  mutable std::vector<Bucket> buckets_;
};

}  // namespace cardea::l7::policy
