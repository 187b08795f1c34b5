// The congestion window: slow start (RFC 5681, 3465 without a limit) and CUBIC (RFC 9438), in bytes. How much may be in
// flight outside of recovery; what happens within is RecoveryRate's.
#pragma once

#include <variant>

#include "l7/tcp/moment.h"
#include "l7/tcp/slow_start.h"

namespace cardea::l7::tcp {

class Cubic {
 public:
  void begin(uint32_t window) { window_ = window; }

  uint32_t window() const { return window_; }
  uint32_t threshold() const { return threshold_; }
  bool in_slow_start() const { return window_ < threshold_; }
  void set_window(uint32_t window) { window_ = window; }

  // A round trip was measured, and everything below `una` is acknowledged: whether slow start is near its end.
  void measured(Duration sample, Seq una, Seq nxt) {
    if (auto* start = std::get_if<SlowStart>(&phase_)) start->measured(sample, una, nxt);
  }
  // New data was acknowledged while the window was what held us back.
  void acknowledged(uint32_t bytes, uint32_t mss, const RoundTrip& rtt, Instant now);
  // A loss, or a mark of ECN: the threshold sinks to 0.7 of the window (RFC 9438 4.6). What was before is kept for
  // undo.
  void congested(uint32_t mss);
  // It was none: window, threshold and W_max as before (RFC 9438 4.9); the curve's time begins anew.
  void undo();
  // For that long nothing was sent that could have filled the window: it did not grow meanwhile (RFC 9438 4.2).
  void idle(Duration time);
  // Nothing was sent for longer than a retransmission timeout: what the path takes now is not known. Halved for each,
  // down to the window that a connection begins with (RFC 5681 4.1, RFC 2861 2).
  void restart(Duration idle, Duration timeout, uint32_t initial);

 private:
  struct Epoch {
    Moment start;                           // zero: begins with the next acknowledgement
    float origin = 0, k = 0, estimate = 0;  // bytes, seconds, bytes
    float last_origin = 0;                  // W_max before fast convergence

    float target(uint32_t mss, Duration ahead, Instant now) const;
  };
  void begin_epoch(Epoch& epoch, uint32_t mss, Instant now) const;
  void start_slowly(uint32_t* bytes);
  void begin_anew(uint32_t window_before);
  Epoch& epoch();

  uint32_t window_ = 0, threshold_ = UINT32_MAX;
  uint32_t window_before_ = 0, threshold_before_ = 0;
  float origin_before_ = 0;
  std::variant<SlowStart, Epoch> phase_;  // the first slow start alone is watched (RFC 9406 4.3)
};

}  // namespace cardea::l7::tcp
