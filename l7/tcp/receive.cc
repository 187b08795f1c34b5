// A segment arrives: RFC 9293 3.10.7.3 and 3.10.7.4, with RFC 5961's checks of what strangers may have made and RFC
// 7323's of what is old. In the order of the RFC: sequence number, RST, SYN, ACK, data, FIN.
#include "l7/tcp/rooms.h"

namespace cardea::l7::tcp {
namespace {

constexpr auto kTimestampsAge = std::chrono::hours(24 * 24);  // RFC 7323 5.5: by then the clock may have wrapped

bool acceptable_to_syn_sent(const Connection& c, const Segment& s) {
  return s.has(kAck) && after(s.ack, c.iss) && !after(s.ack, c.snd_nxt);
}

// A reset for a segment that acknowledges what we never sent (RFC 9293 3.10.7.3, 3.10.7.4): noted in the connection,
// whose own state stays.
void refuse_acknowledgement(Resources& shared, Connection& c, const Segment& s) {
  shared.counters.bad_acknowledgements++;
  if (s.has(kRst)) return;
  c.stray_ack = s.ack;
  c.stray_reset_due = true;
}

// Beside a SYN: the number before the first byte is the SYN's own.
void data_of_syn_arrives(Resources& shared, Connection& c, Segment s, Instant now) {
  s.seq++;
  data_arrives(shared, c, s, now);
}

void syn_answered(Resources& shared, Connection& c, const Segment& s, Instant now) {
  take_syn_options(shared, c, s, now);
  if (!c.timestamps) c.ts_recent = 0;
  c.ecn = shared.settings.ecn && s.has(kEce) && !s.has(kCwr) && !c.syn_repeated;
  c.snd_una = s.ack;
  establish(shared, c, now);
  c.acknowledge_due = true;
  data_of_syn_arrives(shared, c, s, now);
}

// Both sides dialled at once (RFC 9293 3.5): ours becomes an answer to theirs.
void syn_crossed(Resources& shared, Connection& c, const Segment& s, Instant now) {
  take_syn_options(shared, c, s, now);
  c.state = State::kSynReceived;
  c.ecn = false;
  c.syn_due = true;
}

// The peer may know a connection over this tuple that has ended here: our reset ends it there as well, and behind that
// a SYN is new to it. Once at once; then the timer asks.
void meets_stale_connection(Resources& shared, Connection& c, const Segment& s) {
  refuse_acknowledgement(shared, c, s);
  if (s.has(kRst) || c.syn_asked_again) return;
  c.syn_asked_again = c.syn_due = true;
}

void arrives_in_syn_sent(Resources& shared, Connection& c, const Segment& s, Instant now) {
  const bool good_ack = acceptable_to_syn_sent(c, s);
  if (s.has(kAck) && !good_ack) return meets_stale_connection(shared, c, s);
  if (s.has(kRst)) {
    if (good_ack) return end(shared, c, Ending::kRefused);
    shared.counters.resets_ignored++;
    return;
  }
  if (!s.has(kSyn)) return;
  if (good_ack) return syn_answered(shared, c, s, now);
  syn_crossed(shared, c, s, now);
}

// PAWS (RFC 7323 5.3). Segments without a timestamp are taken, as Linux does: middleboxes strip them.
bool is_old(const Connection& c, const Segment& s, Instant now) {
  return c.timestamps && s.options.has_timestamps && int32_t(s.options.ts_value - c.ts_recent) < 0 &&
         c.ts_recent_at.since(now) < kTimestampsAge;
}

// Whether any of it lies between what was acknowledged last and our right edge. More than the RFC takes: an
// acknowledgement must count at a closed window, too, or both sides probe for ever.
bool is_in_window(const Connection& c, const Segment& s) {
  return !before(s.end(), c.rcv_acked) && !after(s.seq, c.rcv_edge);
}

void answer_syn_again(Connection& c) {
  c.syn_asked_again = c.syn_due = true;
}

void outside_window(Resources& shared, Connection& c, const Segment& s, Instant now) {
  shared.counters.outside_window++;
  if (s.has(kRst)) return;
  if (s.payload.empty() || !before(s.seq, c.rcv_nxt())) {
    // In SYN-RECEIVED a SYN that comes again asks for the same answer (RFC 9293 3.10.7.4).
    if (s.has(kSyn) && c.state == State::kSynReceived && s.seq == c.irs) return answer_syn_again(c);
    return challenge(shared, c, now);
  }
  // Data that was here already: its sender lacks our acknowledgement, and wants to know that it came twice.
  shared.counters.duplicates++;
  if (c.sack) c.duplicate = {s.seq, earlier(s.end(), c.rcv_nxt())};
  c.acknowledge_due = true;
}

// Behind its own FIN macOS resets with the FIN's number, as Linux knows; no easier to guess than the next one.
bool bears_number_of_fin(const Connection& c, const Segment& s) {
  return s.has(kRst) && c.fin_received && s.seq + 1 == c.rcv_nxt();
}

// RFC 5961 3.2: only the very next number resets.
void reset_arrives(Resources& shared, Connection& c, const Segment& s, Instant now) {
  if (c.state == State::kTimeWait) {  // RFC 1337
    shared.counters.resets_ignored++;
    return;
  }
  if (s.seq != c.rcv_nxt() && !bears_number_of_fin(c, s)) {
    shared.counters.resets_ignored++;
    return challenge(shared, c, now);
  }
  shared.counters.reset_by_peer++;
  end(shared, c, c.state == State::kSynReceived && !c.passive ? Ending::kRefused : Ending::kReset);
}

void syn_in_synchronized(Resources& shared, Connection& c, const Segment& s, Instant now) {
  if (c.state == State::kSynReceived && s.seq == c.irs && !s.has(kAck)) return answer_syn_again(c);
  // A SYN|ACK of a simultaneous open is the answer to ours.
  if (c.state == State::kSynReceived && s.seq == c.irs && acceptable_to_syn_sent(c, s)) {
    c.snd_una = s.ack;
    c.snd_wnd = c.snd_wnd_max = s.window;
    establish(shared, c, now);
    c.acknowledge_due = true;
    return;
  }
  challenge(shared, c, now);
}

// False: the segment is done with.
bool completes_handshake(Resources& shared, Connection& c, const Segment& s, Instant now) {
  if (c.state != State::kSynReceived) return true;
  if (!acceptable_to_syn_sent(c, s)) {
    refuse_acknowledgement(shared, c, s);
    return false;
  }
  c.snd_una = s.ack;
  establish(shared, c, now);
  c.snd_wnd = c.snd_wnd_max = uint32_t{s.window} << c.snd_scale;
  c.snd_wl1 = s.seq;
  c.snd_wl2 = s.ack;
  return true;
}

// RFC 5961 5.2: neither what was never sent nor what is older than any window.
bool acknowledges_possible(Resources& shared, Connection& c, const Segment& s, Instant now) {
  if (after(s.ack, c.snd_nxt)) {
    shared.counters.bad_acknowledgements++;
    challenge(shared, c, now);
    return false;
  }
  if (before(s.ack, c.snd_una - std::max(c.snd_wnd_max, 1u))) {
    shared.counters.bad_acknowledgements++;
    challenge(shared, c, now);
    return false;
  }
  return true;
}

// RFC 7323 4.3: of the segment that is next to be acknowledged, so that a delayed ACK echoes the first.
void keep_timestamp(Connection& c, const Segment& s, Instant now) {
  if (!c.timestamps || !s.options.has_timestamps || after(s.seq, c.rcv_acked)) return;
  if (int32_t(s.options.ts_value - c.ts_recent) < 0 && c.ts_recent_at.since(now) < kTimestampsAge) return;
  c.ts_recent = s.options.ts_value;
  c.ts_recent_at = Moment(now);
}

// What the acknowledgement of our FIN means (RFC 9293 3.10.7.4, fifth).
void fin_acknowledged(Resources& shared, Connection& c, Instant now) {
  if (!c.fin_sent() || c.snd_una != c.snd_nxt) return;
  if (c.state == State::kFinWait1) {
    c.state = State::kFinWait2;
    if (c.orphan) c.deadline(Deadline::kEnd) = now + shared.settings.fin_wait_2;
  } else if (c.state == State::kClosing) {
    enter_time_wait(shared, c, now);
  } else if (c.state == State::kLastAck) {
    end(shared, c, Ending::kOrderly);
  }
}

// In TIME-WAIT only a FIN that comes again matters: it is acknowledged, and the time begins anew.
void arrives_in_time_wait(Resources& shared, Connection& c, const Segment& s, Instant now) {
  if (!s.has(kFin)) return;
  c.acknowledge_due = true;
  c.deadline(Deadline::kEnd) = now + shared.settings.time_wait;
}

void passes_checks(Resources& shared, Connection& c, const Segment& s, Instant now) {
  if (!s.has(kAck)) return;
  if (!completes_handshake(shared, c, s, now)) return;
  if (!acknowledges_possible(shared, c, s, now)) return;
  keep_timestamp(c, s, now);
  c.keep_alives = 0;
  if (c.deadline(Deadline::kKeepAlive) != kNever)
    c.deadline(Deadline::kKeepAlive) = now + shared.settings.keep_alive_idle;
  if (c.state == State::kTimeWait) return arrives_in_time_wait(shared, c, s, now);
  acknowledgement_arrives(shared, c, s, now);
  fin_acknowledged(shared, c, now);
  if (c.state != State::kClosed && c.state != State::kTimeWait) data_arrives(shared, c, s, now);
}

}  // namespace

void challenge(Resources& shared, Connection& c, Instant now) {
  if (!c.last_challenge.never() && c.last_challenge.since(now) < shared.settings.challenge_interval) {
    shared.counters.challenges_withheld++;
    return;
  }
  shared.counters.challenges++;
  c.last_challenge = Moment(now);
  c.acknowledge_due = true;
}

void segment_arrives(Resources& shared, Connection& c, const Segment& s, Instant now) {
  if (c.state == State::kClosed) return;
  if (c.state == State::kSynSent) return arrives_in_syn_sent(shared, c, s, now);
  if (!s.has(kRst) && is_old(c, s, now)) {
    shared.counters.old_timestamps++;
    if (!s.payload.empty() && c.sack && before(s.seq, c.rcv_nxt()))
      c.duplicate = {s.seq, earlier(s.end(), c.rcv_nxt())};
    return challenge(shared, c, now);
  }
  if (!is_in_window(c, s) && !bears_number_of_fin(c, s)) return outside_window(shared, c, s, now);
  if (s.has(kRst)) return reset_arrives(shared, c, s, now);
  if (s.has(kSyn)) return syn_in_synchronized(shared, c, s, now);
  passes_checks(shared, c, s, now);
}

}  // namespace cardea::l7::tcp
