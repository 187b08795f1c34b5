// What a client may make a connection do without getting anywhere. Each kind of frame that costs its receiver more than
// its sender has a budget that refills, far above what an honest client was seen to need; and all bytes together must
// stay within some times those that carried bodies and heads. CVE-2023-44487 (resets), CVE-2025-8671 (resets that we
// are provoked into), CVE-2019-9512 to 9518 (PING, SETTINGS, empty frames).
#pragma once

#include <chrono>
#include <cstdint>

#include "base/clock.h"

namespace cardea::l7::http2 {

// So many at once, and one more each `refill`.
class Budget {
 public:
  constexpr Budget(uint32_t burst, std::chrono::milliseconds refill) : burst_(burst), refill_(refill), left_(burst) {}

  bool spend(Instant now);  // false: none is left

 private:
  uint32_t burst_;
  std::chrono::milliseconds refill_;
  uint32_t left_;
  Instant refilled_{};
};

struct Floods {
  // The peer ended its stream before it was answered; a stream had to be reset because of what the peer did.
  Budget resets{100, std::chrono::milliseconds(100)}, provoked{50, std::chrono::milliseconds(200)};
  Budget pings{60, std::chrono::milliseconds(1000)}, settings{32, std::chrono::milliseconds(4000)};
  Budget empty{100, std::chrono::milliseconds(100)};  // DATA without a byte or an end

  uint64_t bytes = 0;   // all that came
  uint64_t useful = 0;  // bodies, both ways, and heads
  bool mostly_useless() const { return bytes > 8 * (useful + (1 << 20)); }
};

}  // namespace cardea::l7::http2
