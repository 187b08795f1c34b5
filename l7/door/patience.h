// How long a shard looks for packets before it sleeps: a wake costs tens of microseconds and looking costs the core, so
// it looks only as long as looking has lately been worth it. Not at all while packets come too seldom to be met awake.
#pragma once

#include <algorithm>

#include "base/clock.h"

namespace cardea::l7::door {

class Patience {
 public:
  using Duration = std::chrono::nanoseconds;
  static constexpr Duration kMost = std::chrono::microseconds(50), kLeast = std::chrono::microseconds(2);

  void came(Instant now) {
    if (asleep_since_ != Instant::max() && now - asleep_since_ < kMost) window_ = kMost;  // it was too short
    asleep_since_ = Instant::max();
    last_ = now;
  }
  bool over(Instant now) const { return now - last_ >= window_; }
  void sleeps(Instant now) {
    if (asleep_since_ == Instant::max()) window_ = std::max(kLeast, window_ / 2);
    asleep_since_ = now;
  }
  Duration window() const { return window_; }

 private:
  Instant last_{}, asleep_since_ = Instant::max();
  Duration window_ = kMost;
};

}  // namespace cardea::l7::door
