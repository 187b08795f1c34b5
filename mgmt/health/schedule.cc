#include "mgmt/health/schedule.h"

#include <algorithm>

namespace cardea::mgmt::health {
namespace {

using std::chrono::nanoseconds;

// Evenly from 0 to just below `span`.
nanoseconds part_of(nanoseconds span, uint64_t random) {
  return nanoseconds(int64_t((unsigned __int128)(random)*uint64_t(span.count()) >> 64));
}

}  // namespace

Time first_due(Time now, std::chrono::milliseconds interval, uint64_t together, uint64_t random) {
  const uint64_t spread_ms = std::min<uint64_t>(together - std::min<uint64_t>(together, 1), interval.count());
  return now + part_of(std::chrono::milliseconds(spread_ms), random);
}

Time next_due(Time started, Time ended, std::chrono::milliseconds interval, uint32_t jitter_percent, uint64_t random) {
  const nanoseconds jitter = nanoseconds(interval) * std::min(jitter_percent, 100u) / 100;
  return std::max(ended, started + interval - part_of(jitter, random));
}

}  // namespace cardea::mgmt::health
