#include "l7/runtime/pace.h"

#include <algorithm>

namespace cardea::l7 {

using std::chrono::nanoseconds;

void Pace::charge(Instant now) {
  if (waiting_) credit_ -= now - charged_;
  charged_ = now;
}

void Pace::credit(int64_t bytes) {
  if (limits_.rate_min == 0) return;
  const double seconds = double(bytes) / double(limits_.rate_min);
  const nanoseconds window = limits_.window;
  if (seconds >= std::chrono::duration<double>(window).count()) {
    credit_ = window;
  } else {
    credit_ = std::min(credit_ + nanoseconds(int64_t(seconds * 1e9)), window);
  }
}

Instant Pace::wait(Instant now, uint64_t pending) {
  charge(now);
  const int64_t arrived = moved_ - int64_t(pending);
  if (!waiting_ || arrived > arrived_) pause_began_ = now;
  waiting_ = true;
  if (arrived > arrived_) credit(arrived - arrived_);
  arrived_ = arrived;
  const Instant stalled = pause_began_ + limits_.stall;
  return limits_.rate_min == 0 ? stalled : std::min(stalled, now + credit_);
}

void Pace::resume(Instant now) {
  charge(now);
  waiting_ = false;
}

}  // namespace cardea::l7
