// Connections that ended and are remembered for a minute, so that what is late of them harms no other and a FIN that
// comes again is answered (RFC 9293 3.6.1): 72 bytes each instead of a whole connection. When the table is full, the
// one that has waited longest is forgotten, and counted: what its peer still sends gets a reset.
#pragma once

#include <optional>
#include <vector>

#include "l7/tcp/connection.h"

namespace cardea::l7::tcp {

struct TimeWait {
  Tuple tuple;
  Seq snd_nxt = 0, rcv_nxt = 0;
  uint32_t ts_recent = 0;
  Moment until, last_challenge;
  uint32_t bucket_next = kNone, older = kNone, younger = kNone;
  uint16_t window = 0;  // as it was told last
  bool timestamps = false;
};
static_assert(sizeof(TimeWait) <= 72);

class TimeWaits {
 public:
  TimeWaits(uint32_t size, HashKey key);

  // A connection in TIME-WAIT, whose tuple is not known yet.
  void add(const Connection& c, const Settings& settings, Counters& counters);
  // Null when there is none, or it has waited for long enough.
  TimeWait* find(const Tuple& tuple, Instant now);
  void forget(TimeWait& wait);
  // A FIN came again: its time begins anew.
  void begin_anew(TimeWait& wait, Instant until);
  void expire(Instant now);
  // When expire() wants to be called: at most once a second.
  Instant due() const { return due_; }
  uint32_t count() const { return pool_.lent(); }

 private:
  uint32_t& bucket_of(const Tuple& tuple);
  void append(uint32_t index);
  void take_out(uint32_t index);

  HashKey key_;
  Pool<TimeWait> pool_;
  std::vector<uint32_t> buckets_;
  uint32_t oldest_ = kNone, youngest_ = kNone;
  Instant due_ = kNever;
};

// A segment over such a tuple, a SYN that may open anew excepted. What answers it, if anything does (RFC 9293 3.10.7.4).
std::optional<Outgoing> late_segment_arrives(const Settings& settings, TimeWaits& waits, TimeWait& wait,
                                             const Segment& segment, Counters& counters, Instant now);
// Whether a SYN is newer than all that the connection saw (RFC 6191 2).
bool is_newer(const TimeWait& wait, const Segment& syn);
// Whether we may dial anew: a second has passed, and timestamps tell the old from the new (as Linux' tcp_tw_reuse).
bool may_dial_anew(const Settings& settings, const TimeWait& wait, Instant now);

}  // namespace cardea::l7::tcp
