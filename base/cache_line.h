// What two cores write must not share a line. Processors fetch lines in pairs, so a pair is the unit that separates.
#pragma once

#include <cstddef>

namespace cardea {
inline constexpr size_t kCacheLinePair = 128;
}  // namespace cardea
