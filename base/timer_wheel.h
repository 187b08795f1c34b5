// Deadlines for many things at once: a hierarchical timer wheel (Varghese and Lauck 1987) with a millisecond tick.
// Arming and cancelling are a list operation each, whatever the number of timers; the timers are members of what they
// guard, so nothing is allocated; the wheel outlives them. A timer fires at or up to one tick after its time, never
// before. One owner, no locks.
#pragma once

#include <array>
#include <cstdint>

#include "base/clock.h"

namespace cardea {

class TimerWheel {
 public:
  class Timer {
   public:
    Timer() = default;
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    ~Timer() { cancel(); }

    bool armed() const { return at_ != nullptr; }
    void cancel();

   private:
    friend class TimerWheel;
    Timer* next_ = nullptr;
    Timer** at_ = nullptr;  // what points to this timer; null when not armed
    uint64_t tick_ = 0;
  };

  explicit TimerWheel(Instant start);
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  // Armed again, a timer only moves. Instant::max() means never: the timer is left cancelled.
  void arm(Timer& timer, Instant when);

  // Calls fire(timer) for every timer whose time has come, each already cancelled; it may arm and cancel any timer.
  template <typename Fire>
  void advance(Instant now, Fire&& fire) {
    const uint64_t target = tick_of(now);
    while (tick_ < target) {
      step(target);
      while (Timer* timer = due()) fire(*timer);
    }
  }

  // No timer fires before this; Instant::max() when none is armed. It may be early: advance() then and ask again.
  Instant next();

 private:
  static constexpr unsigned kLevels = 8, kSlotBits = 6, kSlots = 1u << kSlotBits;
  static constexpr uint64_t kSlotMask = kSlots - 1;
  struct Level {
    uint64_t occupied = 0;  // a bit may be left over from a slot whose timers were all cancelled
    std::array<Timer*, kSlots> slots{};
  };

  uint64_t tick_of(Instant when) const;
  void place(Timer& timer);
  void step(uint64_t target);
  uint64_t next_tick();
  void cascade(unsigned level);
  Timer* due();

  Instant start_;
  uint64_t tick_ = 0;  // every timer up to this tick has fired
  std::array<Level, kLevels> levels_;
};

}  // namespace cardea
