#include "base/timer_wheel.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace cardea {
namespace {

constexpr std::chrono::milliseconds kTick{1};

}  // namespace

TimerWheel::TimerWheel(Instant start) : start_(start) {}

void TimerWheel::Timer::cancel() {
  if (at_ == nullptr) return;
  *at_ = next_;
  if (next_ != nullptr) next_->at_ = at_;
  at_ = nullptr;
  next_ = nullptr;
}

// The last tick that is over at this time.
uint64_t TimerWheel::tick_of(Instant when) const {
  return when <= start_ ? 0 : uint64_t((when - start_) / kTick);
}

void TimerWheel::arm(Timer& timer, Instant when) {
  timer.cancel();
  if (when == Instant::max()) return;
  const uint64_t over = tick_of(when);
  const bool between_ticks = when > start_ + int64_t(over) * kTick;
  // Never into the tick that is firing: a timer that always arms itself again must not stop the clock.
  timer.tick_ = std::max(over + (between_ticks ? 1 : 0), tick_ + 1);
  place(timer);
}

// The level is that of the highest bits in which the timer's tick differs from the current one, so a level holds only
// slots ahead of the current slot of the same turn. The top level is a circle, and what lies more than a turn ahead
// waits in its last slot to be placed again.
void TimerWheel::place(Timer& timer) {
  const auto highest = unsigned(std::bit_width(timer.tick_ ^ tick_));
  const unsigned level = std::min(highest == 0 ? 0 : (highest - 1) / kSlotBits, kLevels - 1);
  const unsigned shift = level * kSlotBits;
  const uint64_t slot = std::min(timer.tick_ >> shift, (tick_ >> shift) + kSlots - 1) & kSlotMask;
  Timer*& head = levels_[level].slots[slot];
  levels_[level].occupied |= uint64_t{1} << slot;
  timer.next_ = head;
  timer.at_ = &head;
  if (head != nullptr) head->at_ = &timer.next_;
  head = &timer;
}

// The tick at which the next occupied slot begins. A lower level's slots all come before those of the levels above.
uint64_t TimerWheel::next_tick() const {
  for (unsigned level = 0; level < kLevels; ++level) {
    const unsigned shift = level * kSlotBits;
    const uint64_t current = tick_ >> shift;
    const uint64_t ahead = std::rotr(levels_[level].occupied, int(current & kSlotMask)) & ~uint64_t{1};
    if (ahead != 0) return (current + unsigned(std::countr_zero(ahead))) << shift;
  }
  return UINT64_MAX;
}

Instant TimerWheel::next() const {
  const uint64_t tick = next_tick();
  return tick == UINT64_MAX ? Instant::max() : start_ + int64_t(tick) * kTick;
}

void TimerWheel::step(uint64_t target) {
  tick_ = std::min(next_tick(), target);
  // From above, because what comes down may land in a slot that comes down next.
  for (unsigned level = kLevels - 1; level > 0; --level)
    if ((tick_ & ((uint64_t{1} << level * kSlotBits) - 1)) == 0) cascade(level);
}

// The timers of a slot that begins now move to the levels below.
void TimerWheel::cascade(unsigned level) {
  const uint64_t slot = tick_ >> level * kSlotBits & kSlotMask;
  Timer* timer = std::exchange(levels_[level].slots[slot], nullptr);
  levels_[level].occupied &= ~(uint64_t{1} << slot);
  while (timer != nullptr) {
    Timer* next = timer->next_;
    place(*timer);
    timer = next;
  }
}

TimerWheel::Timer* TimerWheel::due() {
  const uint64_t slot = tick_ & kSlotMask;
  Timer* timer = levels_[0].slots[slot];
  if (timer != nullptr)
    timer->cancel();
  else
    levels_[0].occupied &= ~(uint64_t{1} << slot);
  return timer;
}

}  // namespace cardea
