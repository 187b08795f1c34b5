// How long a segment and its acknowledgement take, and how long to wait for them: smoothed round trip, its variation
// and the retransmission timeout (RFC 6298), with back-off; and the smallest round trip of the last minutes (RFC 8985
// 6.2).
#pragma once

#include "base/clock.h"

namespace cardea::l7::tcp {

using Duration = std::chrono::nanoseconds;

struct RtoLimits {
  Duration first = std::chrono::seconds(1);         // before a sample (RFC 6298 2.1)
  Duration floor = std::chrono::milliseconds(200);  // of what variation adds, as Linux has it; RFC 6298 2.4 says 1 s
  Duration ceiling = std::chrono::seconds(120);
};

class RoundTrip {
 public:
  // A sample of a segment that was sent once (Karn); 0 is a value.
  void add(Duration sample, Instant now, const RtoLimits& limits);
  // The handshake's timer ran out: 3 s for data unless a sample comes (RFC 6298 5.7).
  void handshake_was_lost() {
    if (!has_sample_) rto_ = 3'000'000;
  }
  void back_off() {
    if (backed_off_ < 16) backed_off_++;
  }
  void moved_on() { backed_off_ = 0; }

  bool has_sample() const { return has_sample_; }
  Duration smoothed() const { return std::chrono::microseconds(smoothed_); }
  Duration variation() const { return std::chrono::microseconds(variation_); }
  Duration smallest() const { return std::chrono::microseconds(smallest_); }  // zero when there is no sample
  unsigned backed_off() const { return backed_off_; }
  // With the back-off.
  Duration timeout(const RtoLimits& limits) const;

 private:
  // Microseconds, and seconds: a connection that is idle should be small.
  uint32_t smoothed_ = 0, variation_ = 0, rto_ = 0, smallest_ = 0;
  uint32_t smallest_at_ = 0;
  uint8_t backed_off_ = 0;
  bool has_sample_ = false;
};

}  // namespace cardea::l7::tcp
