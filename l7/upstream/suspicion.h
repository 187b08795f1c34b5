// What a shard itself has seen of a backend, between two health probes: refused connections make it suspect at once,
// exchanges that broke off only when several did in a row. A suspect is passed over for a pause that grows while it
// goes on failing; when the pause is over one exchange tries it, and the others wait for what becomes of that one.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/clock.h"

namespace cardea::l7::upstream {

class Suspicion {
 public:
  static constexpr std::chrono::seconds kPauseMin{1}, kPauseMax{10};
  static constexpr uint8_t kFailuresMax = 3;  // exchanges in a row

  void connect_failed(Instant now);
  void exchange_failed(Instant now);
  void connected();  // forgets refused connections, not broken exchanges: accepting proves little
  void answered();   // forgets everything

  bool suspect(Instant now) const { return now < until_; }
  // An exchange goes to a backend whose pause is over.
  void tried(Instant now);
  // And nothing came of it that says anything about the backend: the next exchange may try.
  void untried() { until_ = pause_end_; }

 private:
  void pause(Instant now);

  Instant until_{Instant::min()};
  Instant pause_end_{Instant::min()};
  uint8_t pauses_ = 0;    // in a row
  uint8_t failures_ = 0;  // exchanges in a row
};

}  // namespace cardea::l7::upstream
