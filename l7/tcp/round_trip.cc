#include "l7/tcp/round_trip.h"

#include <algorithm>

namespace cardea::l7::tcp {
namespace {
// Long enough for a queue that stands to drain now and then, short enough for a route that changed (Linux: 300 s).
constexpr Duration kSmallestKept = std::chrono::seconds(300);
}  // namespace

void RoundTrip::add(Duration sample, Instant now, const RtoLimits& limits) {
  if (!has_sample_ || sample <= smallest_ || now - smallest_at_ > kSmallestKept) {
    smallest_ = sample;
    smallest_at_ = now;
  }
  if (!has_sample_) {
    has_sample_ = true;
    smoothed_ = sample;
    variation_ = sample / 2;
  } else {
    variation_ += (std::chrono::abs(smoothed_ - sample) - variation_) / 4;
    smoothed_ += (sample - smoothed_) / 8;
  }
  rto_ = std::min(smoothed_ + std::max(limits.floor, 4 * variation_), limits.ceiling);
}

Duration RoundTrip::timeout(const RtoLimits& limits) const {
  const Duration base = rto_.count() ? rto_ : limits.first;
  return std::min<Duration>(base * (1ll << backed_off_), limits.ceiling);
}

}  // namespace cardea::l7::tcp
