// When the next check of a target is due. Pure: time and randomness are arguments. Jitter only ever brings a check
// forward, so that `interval` stays a bound an operator can count on, and targets that were started together drift
// apart.
#pragma once

#include <chrono>
#include <cstdint>

namespace cardea::mgmt::health {

using Clock = std::chrono::steady_clock;
using Time = Clock::time_point;

// The first check of a target, one of `together` that start at the same time: their checks are spread over a
// millisecond each, but over one interval at most. A handful is known at once, ten thousand do not leave as one burst.
Time first_due(Time now, std::chrono::milliseconds interval, uint64_t together, uint64_t random);

// The check after one that ran from `started` to `ended`: between interval × (100 − jitter_percent) / 100 and interval
// after its start, but never before its end.
Time next_due(Time started, Time ended, std::chrono::milliseconds interval, uint32_t jitter_percent, uint64_t random);

}  // namespace cardea::mgmt::health
