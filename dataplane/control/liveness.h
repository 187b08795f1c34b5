// systemd's watchdog: fed only when every worker and every thread of the door have gone on since it was fed last. By the
// control thread.
#pragma once

#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "base/systemd.h"

namespace cardea::dataplane {

class Running;

class Liveness {
 public:
  explicit Liveness(Running& running) : running_(running) {}
  // Asks, as often as may be, and feeds when it is time.
  void tick(Instant now);

 private:
  void call_threads();
  bool all_went_on() const;

  Running& running_;
  systemd::Watchdog watchdog_;
  uint64_t fed_mark_ = 0;            // made when it was fed last
  std::vector<uint64_t> fed_wakes_;  // by thread, what it had woken then
};

}  // namespace cardea::dataplane
