// DPDK's measuring of how fast the CPU's counter (TSC) runs, at its start. Where the CPU does not say so it sleeps for a tenth
// of a second between two readings of counter and clock, and rounds what it finds to 10 MHz: nearly half of a restart, in
// which nothing is forwarded. A hundredth is as good: a reading is some ten nanoseconds long.
#pragma once

namespace cardea::dataplane {

// While it lives, that one sleep of this thread takes a tenth of its time.
class QuickCounterSpeed {
 public:
  QuickCounterSpeed();
  QuickCounterSpeed(const QuickCounterSpeed&) = delete;
  ~QuickCounterSpeed();
};

}  // namespace cardea::dataplane
