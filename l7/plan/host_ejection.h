// What all shards of the host have seen of a backend in a row, and until when it is left alone for it. Who answers well
// costs a look at two words that nobody writes; errors are rare and write them.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>

#include "base/clock.h"

namespace cardea::l7 {

class HostEjection {
 public:
  // How many in a row it is now.
  uint32_t count_error() { return errors_.fetch_add(1, std::memory_order_relaxed) + 1; }
  uint32_t count_gateway_error() { return gateway_errors_.fetch_add(1, std::memory_order_relaxed) + 1; }
  void answered_whole() { clear(errors_); }  // an exchange was carried out to its end
  void answered_well() { clear(gateway_errors_); }

  bool ejected(Instant now) const { return ticks(now) < until_.load(std::memory_order_relaxed); }
  // When it came back or will; Instant::min(): it never was ejected.
  Instant until() const { return Instant(Instant::duration(until_.load(std::memory_order_relaxed))); }

  // By one shard at a time. The first time takes `time`, each further one so much more; each `time` that passed since
  // it came back takes one off.
  void eject(Instant now, std::chrono::nanoseconds time, std::chrono::nanoseconds most) {
    const int64_t before = times_.load(std::memory_order_relaxed);
    const int64_t well = before == 0 ? 0 : (now - until()) / time;
    const int64_t times = std::max<int64_t>(0, before - well) + 1;
    const auto pause = times > most / time ? most : time * times;
    times_.store(uint32_t(times), std::memory_order_relaxed);
    clear(errors_), clear(gateway_errors_);
    until_.store(ticks(now + pause), std::memory_order_relaxed);
  }
  void forget() {
    times_ = 0;
    clear(errors_), clear(gateway_errors_);
    until_.store(ticks(Instant::min()), std::memory_order_relaxed);
  }

 private:
  static int64_t ticks(Instant at) { return at.time_since_epoch().count(); }
  static void clear(std::atomic<uint32_t>& count) {
    if (count.load(std::memory_order_relaxed) != 0) count.store(0, std::memory_order_relaxed);
  }

  std::atomic<uint32_t> errors_ = 0, gateway_errors_ = 0;
  std::atomic<uint32_t> times_ = 0;  // ejected in a row
  std::atomic<int64_t> until_{ticks(Instant::min())};
};

}  // namespace cardea::l7
