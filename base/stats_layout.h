// Where things stand inside a stats segment's file: shared by its writer (stats.cc) and its reader (stats_reader.cc).
#pragma once

#include <cstdint>

#include "base/stats.h"

namespace cardea::stats {

inline constexpr uint32_t kLayoutVersion = 2;

inline uint32_t cells_of(Kind kind) {
  return kind == Kind::kHistogram ? kHistogramCells : 1;
}

constexpr uint64_t align_up(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) & ~(alignment - 1);
}

}  // namespace cardea::stats
