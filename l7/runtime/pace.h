// How slow a peer may be while this side waits for it: a longest pause between two pieces, and a lowest rate over a
// window. The rate is kept as credit of time: a transfer begins with a window of it, waiting uses it up, and each byte
// gives back what it may take at the lowest rate, never beyond a window. So who is below the rate is found out after a
// window or little more, and who was fast may pause for one. Only waiting counts: a slow backend is no fault of its
// client. A value without a clock or I/O of its own.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/clock.h"

namespace cardea::l7 {

struct PaceLimits {
  std::chrono::milliseconds stall{};   // without a byte
  uint64_t rate_min = 0;               // bytes a second; 0: any
  std::chrono::milliseconds window{};  // of the rate
};

class Pace {
 public:
  explicit Pace(const PaceLimits& limits) : limits_(limits), credit_(limits.window) {}

  // So much came from the peer, or was given to this host's kernel for it.
  void moved(uint64_t bytes) { moved_ += int64_t(bytes); }
  // The peer is waited for from now on, or still; `pending` of what was given to the kernel has not reached it yet. When
  // it is to be given up, unless this is asked again before and it has moved. Not later than `now`: it is to be given up.
  Instant wait(Instant now, uint64_t pending = 0);
  // What was waited for is here.
  void resume(Instant now);

  // It was the rate, not a pause, that wait() gave up for.
  bool too_slow() const { return limits_.rate_min != 0 && credit_.count() <= 0; }

 private:
  void charge(Instant now);
  void credit(int64_t bytes);

  PaceLimits limits_;
  std::chrono::nanoseconds credit_;
  bool waiting_ = false;
  Instant charged_{}, pause_began_{};
  int64_t moved_ = 0, arrived_ = 0;
};

}  // namespace cardea::l7
