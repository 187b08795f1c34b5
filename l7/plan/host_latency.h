// How long a backend takes, as all shards of the host have seen it together: peak EWMA (Finagle). A slower answer counts
// at once, faster ones by and by, and what nobody confirms fades, so that a backend once slow is tried again. One word
// that shards write without waiting for each other: of two samples in the same instant one may be lost.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstdint>

#include "base/clock.h"

namespace cardea::l7 {

class HostLatency {
 public:
  static constexpr std::chrono::seconds kFade{10};  // the time in which a sample loses two thirds of its weight
  static constexpr std::chrono::seconds kPenaltyMin{1}, kPenaltyMax{60};

  // Microseconds; 0: nothing is known.
  float at(Instant now) const {
    const Seen seen = read();
    return seen.cost * faded(seen, now);
  }
  bool known() const { return word_.load(std::memory_order_relaxed) != 0; }

  void sample(std::chrono::nanoseconds took, Instant now) {
    const float cost = std::max(1.0f, float(took.count()) / 1000), before = at(now);
    const float share = before == 0 ? 0 : faded(read(), now);
    write(cost >= before ? cost : std::max(1.0f, before + (cost - before) * (1 - share)), now);
  }
  // An answer that says nothing good, however fast it came.
  void sample_no_faster(std::chrono::nanoseconds took, Instant now) {
    if (float(took.count()) / 1000 > at(now)) sample(took, now);
  }
  // A failure costs a second, or twice what the backend took before: failing fast must not look like being fast.
  void penalise(std::chrono::nanoseconds took, Instant now) {
    const float twice = std::min(2 * at(now), float(kPenaltyMax / std::chrono::microseconds(1)));
    const float least = std::max(float(kPenaltyMin / std::chrono::microseconds(1)), twice);
    write(std::max({least, float(took.count()) / 1000, at(now)}), now);
  }
  void forget() { word_.store(0, std::memory_order_relaxed); }

 private:
  struct Seen {
    float cost;
    uint32_t ms;
  };
  static uint32_t ms_of(Instant at) {
    return uint32_t(std::chrono::duration_cast<std::chrono::milliseconds>(at.time_since_epoch()).count());
  }
  // What is left of the weight of what was seen then. Shards' clocks part by a turn: never more than all of it.
  static float faded(const Seen& seen, Instant now) {
    const auto age = std::max(0, int32_t(ms_of(now) - seen.ms));
    return std::exp(float(age) / -float(kFade / std::chrono::milliseconds(1)));
  }
  Seen read() const { return std::bit_cast<Seen>(word_.load(std::memory_order_relaxed)); }
  void write(float cost, Instant now) {
    word_.store(std::bit_cast<uint64_t>(Seen{cost, ms_of(now)}), std::memory_order_relaxed);
  }

  std::atomic<uint64_t> word_ = 0;
};

}  // namespace cardea::l7
