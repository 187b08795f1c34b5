// The buckets of a histogram: bounds that people read easily, three a decade (0, 1, 2, 5, 10, 20, 50 … 2 000 000 000
// 000 of the row's unit). Bucket i counts values up to and with its bound that no bucket before it has; the last has no
// bound.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "base/stats.h"

namespace cardea::stats {

inline constexpr auto kHistogramBounds = [] {
  std::array<uint64_t, kHistogramBuckets - 1> bounds{};
  uint64_t decade = 1;
  for (size_t i = 1; i < bounds.size(); ++i) {
    constexpr uint64_t kSteps[3] = {1, 2, 5};
    bounds[i] = kSteps[(i - 1) % 3] * decade;
    if (i % 3 == 0) decade *= 10;
  }
  return bounds;
}();

// By the number of a value's binary digits: the first bucket that may be its own. Two more at most have to be looked
// at.
inline constexpr auto kFirstBucket = [] {
  std::array<uint8_t, 65> first{};
  for (size_t width = 1; width < first.size(); ++width) {
    uint8_t bucket = first[width - 1];
    while (bucket < kHistogramBounds.size() && kHistogramBounds[bucket] < uint64_t{1} << (width - 1)) ++bucket;
    first[width] = bucket;
  }
  return first;
}();

constexpr uint32_t bucket_of(uint64_t value) {
  uint32_t bucket = kFirstBucket[size_t(std::bit_width(value))];
  while (bucket < kHistogramBounds.size() && kHistogramBounds[bucket] < value) ++bucket;
  return bucket;
}

}  // namespace cardea::stats
