// Time as the product measures it: monotonic, in nanoseconds, a type of its own. Code that decides takes an Instant as
// an argument; only outermost loops ask the clock.
#pragma once

#include <chrono>

namespace cardea {

using Instant = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;

inline Instant monotonic_now() {
  return std::chrono::steady_clock::now();
}

}  // namespace cardea
