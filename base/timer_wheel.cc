// Level L holds the timers whose tick first differs from the current one in the L-th group of six bits, in the slot
// that group names. So a slot of level L is reached exactly when the groups below are zero, and its timers move down
// then.
#include "base/timer_wheel.h"

#include <algorithm>
#include <bit>

namespace cardea {
namespace {
using Tick = std::chrono::milliseconds;
constexpr uint64_t kNoTick = ~uint64_t{0};
}  // namespace

void TimerWheel::Timer::cancel() {
  if (!at_) return;
  *at_ = next_;
  if (next_) next_->at_ = at_;
  next_ = nullptr;
  at_ = nullptr;
}

TimerWheel::TimerWheel(Instant start) : start_(start) {}

uint64_t TimerWheel::tick_of(Instant when) const {
  return when <= start_ ? 0 : static_cast<uint64_t>((when - start_) / Tick(1));
}

void TimerWheel::arm(Timer& timer, Instant when) {
  timer.cancel();
  if (when == Instant::max()) return;
  const uint64_t rounded_up = tick_of(when) + (when > start_ && (when - start_) % Tick(1) != Instant::duration::zero());
  timer.tick_ = std::max(rounded_up, tick_ + 1);
  place(timer);
}

void TimerWheel::place(Timer& timer) {
  const uint64_t difference = timer.tick_ ^ tick_;
  const unsigned level = difference == 0 ? 0 : (63 - std::countl_zero(difference)) / kSlotBits;
  const unsigned slot = (timer.tick_ >> (level * kSlotBits)) & kSlotMask;
  Timer*& head = levels_[level].slots[slot];
  timer.next_ = head;
  timer.at_ = &head;
  if (head) head->at_ = &timer.next_;
  head = &timer;
  levels_[level].occupied |= uint64_t{1} << slot;
}

void TimerWheel::step(uint64_t target) {
  tick_ = std::min(target, next_tick());
  for (unsigned level = kLevels - 1; level > 0; level--) {
    if ((tick_ & ((uint64_t{1} << (level * kSlotBits)) - 1)) == 0) cascade(level);
  }
}

// A slot's timers, each to where it belongs now: a lower level.
void TimerWheel::cascade(unsigned level) {
  const unsigned slot = (tick_ >> (level * kSlotBits)) & kSlotMask;
  Timer*& head = levels_[level].slots[slot];
  levels_[level].occupied &= ~(uint64_t{1} << slot);
  while (Timer* timer = head) {
    timer->cancel();
    place(*timer);
  }
}

TimerWheel::Timer* TimerWheel::due() {
  const unsigned slot = tick_ & kSlotMask;
  Timer* timer = levels_[0].slots[slot];
  if (timer) {
    timer->cancel();
  } else {
    levels_[0].occupied &= ~(uint64_t{1} << slot);
  }
  return timer;
}

// The first tick at which a slot is reached: its timers fire (level 0) or move down (above). Slots of a level lie ahead
// of the current one and everything in a lower level is earlier, so the first one found is the first in time.
uint64_t TimerWheel::next_tick() {
  for (unsigned level = 0; level < kLevels; level++) {
    const unsigned shift = level * kSlotBits;
    const unsigned current = (tick_ >> shift) & kSlotMask;
    Level& at = levels_[level];
    for (uint64_t ahead = at.occupied & ~((uint64_t{2} << current) - 1); ahead != 0; ahead &= ahead - 1) {
      const unsigned slot = std::countr_zero(ahead);
      if (at.slots[slot]) return ((tick_ >> shift >> kSlotBits << kSlotBits) + slot) << shift;
      at.occupied &= ~(uint64_t{1} << slot);
    }
  }
  return kNoTick;
}

Instant TimerWheel::next() {
  const uint64_t tick = next_tick();
  return tick == kNoTick ? Instant::max() : start_ + Tick(tick);
}

}  // namespace cardea
