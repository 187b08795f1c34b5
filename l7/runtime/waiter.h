// What a loop runs: a Waiter is in at most one list, that of something it waits for or that of the loop's ready ones,
// and is run once each time it was scheduled. Coroutines wait through these; plain code may too.
#pragma once

#include <cstdint>

#include "base/timer_wheel.h"
#include "l7/runtime/intrusive_list.h"

namespace cardea::l7 {

enum class Wake : uint8_t { kReady, kTimeout, kCancelled };

class Waiter : public Link {
 public:
  using Run = void (*)(Waiter&);
  explicit Waiter(Run what) : run_(what) {}
  void run() { run_(*this); }

  Wake wake = Wake::kReady;  // why it was scheduled
  bool scheduled = false;    // in the loop's ready list

 private:
  Run run_;
};

class LoopTimer : public TimerWheel::Timer {
 public:
  using Fire = void (*)(LoopTimer&);
  explicit LoopTimer(Fire what) : fire_(what) {}
  void fire() { fire_(*this); }

 private:
  Fire fire_;
};

}  // namespace cardea::l7
