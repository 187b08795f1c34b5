#include "l7/tcp/round_trip.h"

#include <algorithm>
#include <cstdlib>

namespace cardea::l7::tcp {
namespace {
// Long enough for a queue that stands to drain now and then, short enough for a route that changed (Linux: 300 s).
constexpr uint32_t kSmallestKept = 300;
constexpr Duration kMost = std::chrono::minutes(20);

uint32_t microseconds(Duration time) {
  return uint32_t(std::clamp(time, Duration{0}, kMost) / std::chrono::microseconds(1));
}
}  // namespace

void RoundTrip::add(Duration time, Instant now, const RtoLimits& limits) {
  const uint32_t sample = microseconds(time);
  const auto second = uint32_t(now.time_since_epoch() / std::chrono::seconds(1));
  if (!has_sample_ || sample <= smallest_ || second - smallest_at_ > kSmallestKept) {
    smallest_ = sample;
    smallest_at_ = second;
  }
  const auto error = int64_t{sample} - smoothed_;
  if (!has_sample_) {
    has_sample_ = true;
    smoothed_ = sample;
    variation_ = sample / 2;
  } else {
    variation_ = uint32_t(variation_ + (std::abs(error) - int64_t{variation_}) / 4);
    smoothed_ = uint32_t(smoothed_ + error / 8);
  }
  rto_ = std::min(smoothed_ + std::max(microseconds(limits.floor), 4 * variation_), microseconds(limits.ceiling));
}

Duration RoundTrip::timeout(const RtoLimits& limits) const {
  const Duration base = rto_ ? std::chrono::microseconds(rto_) : limits.first;
  return std::min<Duration>(base * (1ll << backed_off_), limits.ceiling);
}

}  // namespace cardea::l7::tcp
