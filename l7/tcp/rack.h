// Which segments are lost, told by time (RACK, RFC 8985): one that was sent before another that has arrived, by more
// than a round trip and what the network may reorder, is lost. The window for reordering is nothing until reordering
// was seen, a quarter of the smallest round trip then, and grows by a quarter with each round in which a D-SACK tells
// that it was too small.
#pragma once

#include "l7/tcp/round_trip.h"
#include "l7/tcp/scoreboard.h"

namespace cardea::l7::tcp {

class Rack {
 public:
  // A segment was delivered now. `echoed_first`: a timestamp proves that the acknowledgement is of an earlier sending.
  void delivered(const Sent& sent, Instant now, Duration smallest, bool echoed_first);
  // A D-SACK came (RFC 8985 6.2 step 4); once a round, which ends when snd_una passes `round_end`.
  void duplicate_seen(Seq una, Seq nxt);
  void recovery_over();

  // Marks what is lost by now. Returns after how long more will be, if nothing else comes, or zero: none.
  Duration detect(Scoreboard& scoreboard, Pool<Sent>& pool, const RoundTrip& rtt, bool in_recovery, Instant now,
                  uint32_t* newly_lost) const;

  bool reordering_seen() const { return reordering_seen_; }
  Duration rtt() const { return std::chrono::microseconds(rtt_); }
  Duration window(const RoundTrip& rtt, uint32_t sacked_count, bool in_recovery) const;

 private:
  bool sent_after(Instant at, Seq end) const { return at > sent_at_ || (at == sent_at_ && after(end, end_)); }

  Instant sent_at_{};  // of the segment sent last among those delivered
  uint32_t rtt_ = 0;   // its round trip, microseconds
  Seq end_ = 0, furthest_ = 0, round_end_ = 0;
  uint8_t quarters_ = 1, kept_for_ = 0;
  bool any_ = false, reordering_seen_ = false, in_round_ = false;
};

}  // namespace cardea::l7::tcp
