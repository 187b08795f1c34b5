// A time in four bytes, for connections that are to be small: its millisecond counts, and only for 49 days.
#pragma once

#include <algorithm>

#include "l7/tcp/round_trip.h"

namespace cardea::l7::tcp {

class Moment {
 public:
  Moment() = default;
  explicit Moment(Instant now) : ms_(count(now)) {}

  bool never() const { return ms_ == 0; }
  Duration since(Instant now) const { return std::chrono::milliseconds(count(now) - ms_); }
  // Below zero when it is over.
  Duration left(Instant now) const { return std::chrono::milliseconds(int32_t(ms_ - count(now))); }
  // Whether it is before that one, or the same.
  bool not_after(Instant other) const { return int32_t(ms_ - count(other)) <= 0; }
  void move_on(Duration time) {
    ms_ = std::max(ms_ + uint32_t(std::chrono::duration_cast<std::chrono::milliseconds>(time).count()), 1u);
  }

 private:
  static uint32_t count(Instant now) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
    return std::max(uint32_t(ms), 1u);
  }
  uint32_t ms_ = 0;
};

}  // namespace cardea::l7::tcp
