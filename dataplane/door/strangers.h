// How many packets a second of what nobody asked for the kernel gets, of all the door's threads together.
#pragma once

#include <algorithm>
#include <cstdint>
#include <mutex>

#include "dataplane/state/allowance.h"

namespace cardea::dataplane {

class Strangers {
 public:
  // Allowance::take(); by any thread, whose clocks may differ a little.
  uint32_t take(uint32_t wanted, uint32_t a_second, uint64_t now_us) {
    const std::lock_guard lock(mutex_);
    latest_us_ = std::max(latest_us_, now_us);
    return allowance_.take(wanted, a_second, latest_us_);
  }

 private:
  std::mutex mutex_;  // asked for once a turn, and only while strangers wait
  Allowance allowance_;
  uint64_t latest_us_ = 0;
};

}  // namespace cardea::dataplane
