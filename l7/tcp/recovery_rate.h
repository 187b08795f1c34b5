// How much to send on each acknowledgement while losses are mended: Proportional Rate Reduction (RFC 9937), so that
// what is in flight sinks evenly to the new threshold over one round trip and is neither silent nor a burst.
#pragma once

#include <algorithm>
#include <cstdint>

namespace cardea::l7::tcp {

class RecoveryRate {
 public:
  // `flight`: bytes in flight when the loss was found, what was found lost counted.
  void begin(uint32_t flight) {
    flight_ = std::max(flight, 1u);
    delivered_ = sent_ = 0;
  }
  void sent(uint32_t bytes) { sent_ += bytes; }

  // The congestion window after an acknowledgement that delivered so many bytes. `safe`: it moved SND.UNA and nothing
  // was newly found lost.
  uint32_t window(uint32_t delivered, uint32_t in_flight, uint32_t threshold, uint32_t mss, bool safe) {
    delivered_ += delivered;
    int64_t room;
    if (in_flight > threshold) {
      room = int64_t((uint64_t{delivered_} * threshold + flight_ - 1) / flight_) - int64_t(sent_);
    } else {
      room = std::max(int64_t(delivered_) - int64_t(sent_), int64_t{delivered});
      if (safe) room += mss;
      room = std::min(room, int64_t{threshold} - int64_t{in_flight});
    }
    if (sent_ == 0) room = std::max(room, int64_t{mss});  // the first retransmission always leaves
    return in_flight + uint32_t(std::max(room, int64_t{0}));
  }

 private:
  uint32_t delivered_ = 0, sent_ = 0, flight_ = 1;
};

}  // namespace cardea::l7::tcp
