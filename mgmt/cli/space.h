// How much of a screen there is. Without a terminal there is no end to it.
#pragma once

#include <cstddef>
#include <limits>

namespace cardea::mgmt::cli {

struct Space {
  size_t lines = std::numeric_limits<size_t>::max();
  size_t columns = std::numeric_limits<size_t>::max();
};

}  // namespace cardea::mgmt::cli
