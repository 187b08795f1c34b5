// Numbers that are spread evenly over 64 bits and that nobody's safety hangs on: SplitMix64 (Steele, Lea and Flood
// 2014). Eight bytes of state, a nanosecond a number; the seed is an argument, so that a test can repeat them.
#pragma once

#include <cstdint>

namespace cardea {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15ull;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
  }
  // Below `end`, which is not 0 (Lemire 2016).
  uint64_t below(uint64_t end) { return uint64_t(static_cast<unsigned __int128>(next()) * end >> 64); }

 private:
  uint64_t state_;
};

}  // namespace cardea
