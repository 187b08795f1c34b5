// When slow start is near its end (HyStart++, RFC 9406): a round whose smallest round trip has grown by an eighth
// begins five rounds of careful growth, at a quarter of the speed, after which slow start is over; should round trips
// sink again before, it was nothing, and slow start goes on.
#pragma once

#include <algorithm>

#include "l7/tcp/round_trip.h"
#include "l7/tcp/sequence.h"

namespace cardea::l7::tcp {

class SlowStart {
 public:
  void measured(Duration sample, Seq una, Seq nxt) {
    const auto time = uint32_t(std::min<Duration>(sample, std::chrono::minutes(20)) / std::chrono::microseconds(1));
    if (!after(round_end_, una) || samples_ == 0) begin_round(nxt);
    smallest_ = std::min(smallest_, time);
    if (samples_ < 255) samples_++;
    if (samples_ >= kSamples) judge();
  }

  // Growth is a byte for so many acknowledged.
  uint32_t divisor() const { return is_careful() ? 4 : 1; }
  bool is_careful() const { return careful_rounds_ > 0; }
  bool is_over() const { return careful_rounds_ > kCarefulRounds; }

 private:
  static constexpr uint8_t kSamples = 8, kCarefulRounds = 5;
  static constexpr uint32_t kLeast = 4'000, kMost = 16'000;  // microseconds of growth that count

  void begin_round(Seq nxt) {
    round_end_ = nxt;
    before_ = smallest_;
    smallest_ = UINT32_MAX;
    samples_ = 0;
    if (careful_rounds_ > 0) careful_rounds_++;
  }

  void judge() {
    if (careful_rounds_ > 0) {
      if (smallest_ < baseline_) careful_rounds_ = 0;
      return;
    }
    if (before_ == UINT32_MAX || smallest_ < before_ + std::clamp(before_ / 8, kLeast, kMost)) return;
    baseline_ = smallest_;
    careful_rounds_ = 1;
  }

  Seq round_end_ = 0;
  uint32_t before_ = UINT32_MAX, smallest_ = UINT32_MAX, baseline_ = 0;
  uint8_t samples_ = 0, careful_rounds_ = 0;
};

}  // namespace cardea::l7::tcp
