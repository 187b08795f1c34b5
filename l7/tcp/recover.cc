// Losses and what they do to the congestion window: found by RACK (RFC 8985), or by three duplicates where the peer has
// no SACK (RFC 6582); mended at PRR's pace (RFC 9937); undone when timestamps (Eifel, RFC 3522), D-SACKs (RFC 3708)
// or originals that arrive behind a timeout (F-RTO, RFC 5682) tell that nothing was lost.
#include <algorithm>

#include "l7/tcp/rooms.h"

namespace cardea::l7::tcp {
namespace {

constexpr uint8_t kDuplicateThreshold = 3;
constexpr Duration kTimerGrain = std::chrono::milliseconds(2);  // a timer is no better; Linux adds as much

// Of what a probe repeated a D-SACK is still to be expected, which says nothing of what is sent again from here on.
uint32_t probed_bytes(const Resources& shared, const Connection& c) {
  if (c.tail_probe_end == 0 || !c.tail_probe_repeats || !before(c.snd_una, c.tail_probe_end)) return 0;
  return c.tail_probe_end == c.snd_nxt ? shared.segments[c.scoreboard.tail()].seqs.size() : send_mss(c);
}

void begin_undo(const Resources& shared, Connection& c) {
  c.undo_from = c.snd_una;
  c.undo_bytes = probed_bytes(shared, c);
  c.undo_stamp = 0;
  c.undo_barred = false;
}

void begin_recovery(Resources& shared, Connection& c, uint32_t flight_before) {
  shared.counters.fast_recoveries++;
  c.mending = Mending::kRecovery;
  c.recover_end = c.snd_nxt;
  begin_undo(shared, c);
  c.tail_probe_end = 0;
  c.tail_probe_due = false;
  c.rate.begin(flight_before);
  c.cubic.congested(send_mss(c));
}

void end_mending(Connection& c) {
  if (c.mending == Mending::kRecovery) {
    c.cubic.set_window(c.cubic.threshold());
    c.rack.recovery_over();
  }
  c.mending = Mending::kNot;
  c.reno_sacked = 0;
  c.duplicate_acks = 0;
  c.window = c.cubic.window();
}

void undo(Resources& shared, Connection& c) {
  shared.counters.undone++;
  c.scoreboard.forget_losses(shared.segments);
  c.cubic.undo();
  c.mending = Mending::kNot;
  c.reno_sacked = 0;
  c.duplicate_acks = 0;
  c.undo_stamp = 0;
  c.window = c.cubic.window();
}

// Behind a timeout alone: what a peer with SACK had before, it would have told of. Nothing need have been sent again.
bool was_only_late(const Connection& c, const Delivery& d) {
  return c.sack && c.mending == Mending::kLoss && c.late_tells && d.acknowledged > 0 && d.lost_arrived;
}

bool was_sent_in_vain(const Connection& c, const Delivery& d) {
  if (c.undo_stamp == 0) return false;
  const bool first_arrived = c.slowed_down() && d.acknowledged > 0 && d.echoes_first;
  const bool all_came_twice = d.duplicate_sacked && c.undo_bytes == 0;
  return first_arrived || all_came_twice;
}

void undo_if_spurious(Resources& shared, Connection& c, const Delivery& d) {
  if (c.undo_barred || c.mending == Mending::kSmaller) return;
  if (was_only_late(c, d) || was_sent_in_vain(c, d)) undo(shared, c);
}

// Whether the tail was lost that a probe repeated (RFC 8985 7.4): a D-SACK says no; an acknowledgement beyond says yes.
void tail_probe_answered(Resources& shared, Connection& c, const Delivery& d) {
  if (c.tail_probe_end == 0 || before(c.snd_una, c.tail_probe_end)) return;
  const bool lost = c.tail_probe_repeats && !d.probe_sacked && after(c.snd_una, c.tail_probe_end);
  const bool over = !c.tail_probe_repeats || d.probe_sacked || d.duplicate || lost;
  if (over) c.tail_probe_end = 0;
  if (lost) reduce(shared, c);
}

uint32_t mark_head(Resources& shared, Connection& c) {
  const uint32_t head = c.scoreboard.head();
  if (head == kNone || shared.segments[head].lost) return 0;
  c.scoreboard.mark_lost(shared.segments, head);
  return shared.segments[head].seqs.size();
}

// Without SACK: how many came is counted by duplicates, and a partial acknowledgement in recovery tells of one more
// loss.
uint32_t lost_by_duplicates(Resources& shared, Connection& c, const Delivery& d) {
  if (d.acknowledged > 0) {
    c.duplicate_acks = 0;
    const bool partial = c.mending == Mending::kRecovery && before(c.snd_una, c.recover_end);
    c.reno_sacked = partial ? c.reno_sacked - std::min(c.reno_sacked, d.acknowledged) : 0;
    return partial ? mark_head(shared, c) : 0;
  }
  if (!d.duplicate || c.scoreboard.empty()) return 0;
  c.duplicate_acks = uint8_t(std::min(c.duplicate_acks + 1, 255));
  const uint32_t head = shared.segments[c.scoreboard.head()].seqs.size();
  c.reno_sacked = std::min(c.reno_sacked + send_mss(c), c.scoreboard.flight().outstanding - head);
  const bool enough = c.duplicate_acks == kDuplicateThreshold && c.mending == Mending::kNot;
  return enough && !before(c.snd_una, c.recover_end) ? mark_head(shared, c) : 0;
}

uint32_t find_losses(Resources& shared, Connection& c, const Delivery& d, Instant now) {
  if (!c.sack) return lost_by_duplicates(shared, c, d);
  uint32_t lost = 0;
  const bool mending = c.mending != Mending::kNot;
  const Duration more = c.rack.detect(c.scoreboard, shared.segments, c.rtt, mending, now, &lost);
  c.deadline(Deadline::kReorder) = more > Duration{0} ? now + more + kTimerGrain : kNever;
  return lost;
}

// On a timeout the first segment is lost, and those that have been under way for as long as RACK allows (RFC 8985 6.3);
// all where the peer has no SACK.
void mark_timed_out(Resources& shared, Connection& c, Instant now) {
  mark_head(shared, c);
  const Duration allowed = c.rtt.smoothed() + c.rack.window(c.rtt, c.scoreboard.sacked_count(), true);
  for (uint32_t at = c.scoreboard.first_sent(); at != kNone;) {
    const uint32_t next = shared.segments[at].sent_next;
    if (c.sack && shared.segments[at].at + allowed > now) break;
    c.scoreboard.mark_lost(shared.segments, at);
    at = next;
  }
}

// Once for a flight, as Linux: recovery has slowed down for what then times out, and its loss may have been real, which
// originals that arrive late do not disprove. Behind a timeout there is a new flight once something was acknowledged.
void slow_down_by_timeout(Resources& shared, Connection& c) {
  const bool first = !c.slowed_down();
  const bool moved_on = c.mending == Mending::kLoss && c.retries == 1 && c.snd_una != c.undo_from;
  c.late_tells = first || (c.retries > 1 && c.late_tells);
  if (!first && !moved_on) return;
  c.cubic.congested(send_mss(c));
  begin_undo(shared, c);
}

// Growth only when the window was what held us back (RFC 9438 5.8): in slow start a half-filled one counts.
bool was_limited(const Connection& c) {
  if (c.cubic.in_slow_start()) return c.cubic.window() < 2 * uint64_t{c.flight_peak};
  return c.flight_peak + send_mss(c) > c.cubic.window();
}

void set_window(Connection& c, const Delivery& d, bool newly_lost, Instant now) {
  const uint32_t mss = send_mss(c);
  if (c.mending == Mending::kRecovery) {
    const bool safe = d.acknowledged > 0 && !newly_lost;
    const uint32_t delivered = c.sack ? d.delivered : std::max(d.delivered, d.duplicate ? mss : 0);
    c.window = c.rate.window(delivered, c.in_flight(), c.cubic.threshold(), mss, safe);
    return;
  }
  // What SACKs told of before does not count once more; alone they count where they are the path's habit, as in Linux.
  const bool forward = d.acknowledged > 0 || (d.fresh > 0 && c.rack.reordering_seen());
  if (forward && was_limited(c)) c.cubic.acknowledged(d.fresh, mss, c.rtt, now);
  c.window = c.cubic.window();
}

}  // namespace

void recover(Resources& shared, Connection& c, const Delivery& d, Instant now) {
  tail_probe_answered(shared, c, d);
  undo_if_spurious(shared, c, d);
  if (c.mending != Mending::kNot && !before(c.snd_una, c.recover_end)) end_mending(c);
  const uint32_t lost = find_losses(shared, c, d, now);
  // What an undo on this very acknowledgement put back under way was not in flight before.
  if (c.mending == Mending::kNot && c.scoreboard.flight().lost > 0)
    begin_recovery(shared, c, std::max(d.flight_before, c.in_flight() + lost));
  set_window(c, d, lost > 0, now);
}

void reduce(Resources&, Connection& c) {
  if (c.slowed_down()) {
    c.undo_barred = true;
    return;
  }
  c.cubic.congested(send_mss(c));
  c.cubic.set_window(c.cubic.threshold());
  c.window = c.cubic.window();
  c.undo_stamp = 0;
}

void resend_what_is_too_big(Resources& shared, Connection& c) {
  const uint32_t mss = send_mss(c);
  for (uint32_t at = c.scoreboard.first_sent(); at != kNone;) {
    const uint32_t next = shared.segments[at].sent_next;
    if (shared.segments[at].seqs.size() > mss) c.scoreboard.mark_lost(shared.segments, at);
    at = next;
  }
  if (c.mending != Mending::kNot || c.scoreboard.flight().lost == 0) return;
  c.mending = Mending::kSmaller;
  c.recover_end = c.snd_nxt;
  c.undo_stamp = 0;
  c.tail_probe_due = false;
}

void reordering_timed_out(Resources& shared, Connection& c, Instant now) {
  const Delivery nothing{.flight_before = c.in_flight()};
  const uint32_t lost = find_losses(shared, c, nothing, now);
  if (c.mending == Mending::kNot && c.scoreboard.flight().lost > 0) begin_recovery(shared, c, nothing.flight_before);
  if (lost > 0) set_window(c, nothing, true, now);
}

void retransmission_timed_out(Resources& shared, Connection& c, Instant now) {
  shared.counters.timeouts++;
  c.rtt.back_off();
  slow_down_by_timeout(shared, c);
  mark_timed_out(shared, c, now);
  c.mending = Mending::kLoss;
  c.recover_end = c.snd_nxt;
  c.tail_probe_end = c.reno_sacked = c.duplicate_acks = 0;
  c.tail_probe_due = false;
  c.cubic.set_window(c.in_flight() + send_mss(c));
  c.window = c.cubic.window();
}

}  // namespace cardea::l7::tcp
