// Deadlines: what is armed when, and what happens when one has come.
#include <algorithm>

#include "l7/tcp/rooms.h"

namespace cardea::l7::tcp {
namespace {

constexpr uint16_t kBaseMtu4 = 1200;                            // BASE_PLPMTU of RFC 8899 5.1.2
constexpr Duration kTimerGrain = std::chrono::milliseconds(2);  // what Linux adds to a tail probe's time

// RFC 8985 7.2: two round trips, and where one segment is out, what the peer may wait with its acknowledgement.
Duration tail_probe_time(const Resources& shared, const Connection& c) {
  if (!c.rtt.has_sample()) return shared.settings.rto.first;
  return 2 * c.rtt.smoothed() + (c.scoreboard.count() == 1 ? shared.settings.rto.floor : kTimerGrain);
}

bool wants_tail_probe(const Connection& c) {
  return c.sack && c.mending == Mending::kNot && c.scoreboard.sacked_count() == 0 && c.tail_probe_end == 0;
}

Duration probe_time(const Resources& shared, const Connection& c) {
  const Duration base = c.rtt.timeout(shared.settings.rto) * (1ll << std::min<unsigned>(c.probes, 12));
  return std::min(base, shared.settings.probe_ceiling);
}

void syn_timed_out(Resources& shared, Connection& c) {
  const unsigned most = c.state == State::kSynSent ? shared.settings.syn_retries : shared.settings.syn_ack_retries;
  if (++c.retries > most) {
    shared.counters.given_up++;
    return end(shared, c, Ending::kTimedOut);
  }
  c.rtt.back_off();
  c.syn_repeated = c.syn_due = true;
}

// The peer is there and answers, but what nobody's connection holds is not held for ever by a window that stays shut.
void give_up_shut_window(Resources& shared, Connection& c) {
  shared.counters.given_up++;
  end(shared, c, Ending::kTimedOut);
  c.reset_due = true;
}

// The second and the fourth time that a large segment gets no answer: routers on the way may drop in silence what is
// too big for them, and the ICMP message that would say so may be filtered (RFC 4821 7.7, RFC 8899 4.3).
void suspect_black_hole(Resources& shared, Connection& c, Instant now) {
  if (c.retries != 2 && c.retries != 4) return;
  const bool v4 = c.tuple.local.is_v4();
  const uint16_t base = v4 ? kBaseMtu4 : kMtuFloor6, to = c.retries == 2 || !v4 ? base : kMtuFloor4;
  const uint32_t head = shared.segments[c.scoreboard.head()].seqs.size();
  if (c.path_mtu <= to || head + headers_of(c) + (c.timestamps ? 12 : 0) <= to) return;
  shared.counters.black_holes++;
  c.path_mtu = to;
  c.mtu_lowered_at = Moment(now);  // and later it is tried again, as after a message
}

void data_timed_out(Resources& shared, Connection& c, Instant now) {
  if (++c.retries > (c.orphan ? shared.settings.orphan_retries : shared.settings.data_retries)) {
    shared.counters.given_up++;
    return end(shared, c, Ending::kTimedOut);
  }
  suspect_black_hole(shared, c, now);
  retransmission_timed_out(shared, c, now);
  arm_for_data(shared, c, true, now);
}

// A closed window is asked about for as long as answers come (RFC 9293 3.8.6.1); one that is only small is used.
void window_probe_comes(Resources& shared, Connection& c, Instant now) {
  if (after(c.snd_una + c.snd_wnd, c.snd_nxt)) {
    c.override_due = true;
  } else {
    if (c.orphan && c.probes >= shared.settings.orphan_retries) return give_up_shut_window(shared, c);
    if (++c.retries > (c.orphan ? shared.settings.orphan_retries : shared.settings.data_retries)) {
      shared.counters.given_up++;
      return end(shared, c, Ending::kTimedOut);
    }
    c.probe_due = true;
    if (c.probes < 16) c.probes++;
  }
  c.deadline(Deadline::kProbe) = now + probe_time(shared, c);
}

void probe_comes(Resources& shared, Connection& c, Instant now) {
  if (c.scoreboard.empty()) return window_probe_comes(shared, c, now);
  c.tail_probe_due = c.mending == Mending::kNot;
}

void keep_alive_comes(Resources& shared, Connection& c, Instant now) {
  if (c.keep_alives >= shared.settings.keep_alive_probes) {
    shared.counters.given_up++;
    return end(shared, c, Ending::kTimedOut);
  }
  c.deadline(Deadline::kKeepAlive) = now + shared.settings.keep_alive_interval;
  if (!c.scoreboard.empty()) return;  // data that waits for its acknowledgement is a question of its own
  c.keep_alives++;
  c.keep_alive_due = true;
}

void comes(Resources& shared, Connection& c, Deadline kind, Instant now) {
  switch (kind) {
    case Deadline::kRetransmit:
      return c.synchronized() ? data_timed_out(shared, c, now) : syn_timed_out(shared, c);
    case Deadline::kReorder:
      return reordering_timed_out(shared, c, now);
    case Deadline::kProbe:
      return probe_comes(shared, c, now);
    case Deadline::kAcknowledge:
      c.acknowledge_due = true;
      c.interactive = false;
      return;
    case Deadline::kKeepAlive:
      return keep_alive_comes(shared, c, now);
    case Deadline::kEnd:
      return end(shared, c, Ending::kOrderly);
  }
}

}  // namespace

void deadlines_come(Resources& shared, Connection& c, Instant now) {
  // Where the retransmission timer would come first the tail is probed in its place (RFC 8985 7.2).
  Instant& retransmit = c.deadline(Deadline::kRetransmit);
  if (retransmit <= now && c.deadline(Deadline::kProbe) <= retransmit && !c.scoreboard.empty())
    retransmit = now + c.rtt.timeout(shared.settings.rto);
  for (size_t i = 0; i < kDeadlines && c.state != State::kClosed; i++) {
    if (c.deadlines[i] > now) continue;
    c.deadlines[i] = kNever;
    comes(shared, c, Deadline(i), now);
  }
}

void arm_for_data(Resources& shared, Connection& c, bool restart, Instant now) {
  Instant& retransmit = c.deadline(Deadline::kRetransmit);
  Instant& probe = c.deadline(Deadline::kProbe);
  if (restart) c.tail_probe_due = false;  // the tail's time begins anew
  if (c.scoreboard.empty()) {
    const bool was_out = retransmit != kNever;  // then the deadline is a tail's
    retransmit = c.deadline(Deadline::kReorder) = kNever;
    const bool waiting = c.unsent() > 0 || c.fin_due();
    if (!waiting)
      probe = kNever;
    else if (was_out || probe == kNever)
      probe = now + probe_time(shared, c);
    return;
  }
  if (restart || retransmit == kNever) retransmit = now + c.rtt.timeout(shared.settings.rto);
  if (!wants_tail_probe(c) || c.tail_probe_due)
    probe = kNever;
  else if (restart || probe == kNever)
    probe = std::min(now + tail_probe_time(shared, c), retransmit);
}

Instant earliest(const Connection& c) {
  return *std::min_element(c.deadlines.begin(), c.deadlines.end());
}

}  // namespace cardea::l7::tcp
