#include "tests/unit/l7/tcp/invariants.h"

#include "l7/tcp/rooms.h"

namespace cardea::l7::tcp {
namespace {

std::string broken_list(const Resources& shared, const Connection& c) {
  Seq at = c.snd_una;
  bool any_in_flight = false;
  for (uint32_t i = c.scoreboard.head(); i != kNone; i = shared.segments[i].next) {
    const Sent& sent = shared.segments[i];
    if (sent.seqs.start != at || !before(sent.seqs.start, sent.seqs.end)) return "segments are not adjacent";
    if (sent.lost && sent.sacked) return "a segment is lost and SACKed";
    if (sent.listed == (sent.lost || sent.sacked)) return "what is under way is not listed, or something else is";
    any_in_flight |= sent.listed;
    at = sent.seqs.end;
  }
  if (at != c.snd_nxt) return "segments do not end at SND.NXT";
  if (any_in_flight != (c.scoreboard.first_sent() != kNone)) return "the list by time is another than by sequence";
  Instant last{};
  for (uint32_t i = c.scoreboard.first_sent(); i != kNone; i = shared.segments[i].sent_next) {
    if (shared.segments[i].at < last) return "the list by time is not sorted";
    last = shared.segments[i].at;
  }
  return "";
}

// RFC 8985 7: a tail that nothing tells of is probed before it times out.
std::string broken_tail_probe(const Connection& c) {
  if (c.mending != Mending::kNot) return c.tail_probe_due ? "a probe is due while losses are mended" : "";
  if (!c.sack || c.scoreboard.empty() || c.scoreboard.sacked_count() > 0) return "";
  if (c.tail_probe_end != 0 || c.tail_probe_due) return "";
  const Instant probe = c.deadlines[size_t(Deadline::kProbe)];
  if (probe == kNever) return "a tail without a probe";
  return probe > c.deadlines[size_t(Deadline::kRetransmit)] ? "a tail is probed behind its timeout" : "";
}

std::string broken_sending(const Resources& shared, const Connection& c) {
  if (after(c.snd_una, c.snd_nxt)) return "SND.UNA is beyond SND.NXT";
  if (c.snd_end - c.snd_una != c.written.size() && before(c.snd_una, c.snd_end))
    return "the send queue is not what is unacknowledged";
  if (c.scoreboard.flight() != c.scoreboard.recount(shared.segments)) return "the flight is not what is recounted";
  if (c.scoreboard.flight().outstanding != c.snd_nxt - c.snd_una) return "the flight is not SND.NXT - SND.UNA";
  if (!c.scoreboard.empty() && c.deadlines[size_t(Deadline::kRetransmit)] == kNever) return "data without a timer";
  const bool waiting = c.unsent() > 0 || c.fin_due();
  if (c.scoreboard.empty() && waiting && c.deadlines[size_t(Deadline::kProbe)] == kNever)
    return "data waits for a window without a timer";
  if (const std::string broken = broken_tail_probe(c); !broken.empty()) return broken;
  return broken_list(shared, c);
}

std::string broken_receiving(const Resources& shared, const Connection& c) {
  if (after(c.received.next(), c.rcv_edge)) return "data was taken beyond the window";
  SeqRange ranges[Arrivals::kMax];
  const size_t count = c.received.sacks(shared.received, ranges, Arrivals::kMax);
  for (size_t i = 0; i < count; i++) {
    if (!before(ranges[i].start, ranges[i].end) || !after(ranges[i].start, c.received.next()) ||
        after(ranges[i].end, c.rcv_edge))
      return "a range beyond a gap lies elsewhere";
  }
  const uint32_t most = (c.rcv_edge - c.received.read()) / kBlockSize + 2;
  if (c.received.blocks() > most) return "more blocks than the window covers";
  return "";
}

}  // namespace

std::string broken_invariant(const Resources& shared, const Connection& c) {
  if (c.state == State::kSynSent || c.state == State::kSynReceived) {
    if (!c.syn_due && c.deadlines[size_t(Deadline::kRetransmit)] == kNever) return "a handshake without a timer";
    return "";
  }
  if (c.state == State::kClosed) return "";
  if (c.state == State::kTimeWait)
    return c.deadlines[size_t(Deadline::kEnd)] == kNever ? "TIME-WAIT without an end" : "";
  if (c.orphan && c.state == State::kFinWait2 && c.deadlines[size_t(Deadline::kEnd)] == kNever)
    return "FIN-WAIT-2 of nobody without an end";
  if (const std::string broken = broken_sending(shared, c); !broken.empty()) return broken;
  return broken_receiving(shared, c);
}

}  // namespace cardea::l7::tcp
