// What an acceptable acknowledgement says: which segments the peer holds, how long they took, how much it has room for.
#include <algorithm>

#include "l7/tcp/rooms.h"

namespace cardea::l7::tcp {
namespace {

// Collects over the segments that one acknowledgement delivers.
struct Harvest {
  Connection& c;
  Delivery& delivery;
  Instant now;
  // Of segments that were sent once.
  Duration slowest = Duration::min(), fastest = Duration::max();

  void operator()(const Sent& sent) {
    delivery.delivered += sent.seqs.size();
    delivery.lost_arrived |= sent.lost && !sent.retransmitted && !after(sent.seqs.end, c.recover_end);
    if (!sent.retransmitted) {
      slowest = std::max(slowest, now - sent.at);
      fastest = std::min(fastest, now - sent.at);
    }
    c.rack.delivered(sent, now, c.rtt.smallest(), delivery.echoes_first);
  }
};

// The first block tells of bytes that came twice (RFC 2883 4): below the acknowledgement, or inside the second block.
bool reports_duplicate(const Segment& s) {
  const Options& o = s.options;
  if (o.sack_count == 0) return false;
  if (!after(o.sacks[0].end, s.ack)) return true;
  return o.sack_count > 1 && !before(o.sacks[0].start, o.sacks[1].start) && !after(o.sacks[0].end, o.sacks[1].end);
}

// Of what was sent again in the mending that could be undone: not before it, and not after.
bool can_undo(const Connection& c, SeqRange range) {
  return before(range.start, range.end) && !before(range.start, c.undo_from) && !after(range.end, c.recover_end);
}

void duplicate_reported(Connection& c, const Segment& s, Delivery& delivery) {
  const SeqRange range = s.options.sacks[0];
  delivery.duplicate_sacked = true;
  delivery.probe_sacked = c.tail_probe_end != 0 && c.tail_probe_repeats && range.end == c.tail_probe_end;
  if (can_undo(c, range)) c.undo_bytes -= std::min(c.undo_bytes, range.size());
  // A probe is no sign that something was held for lost too early.
  if (!delivery.probe_sacked) c.rack.duplicate_seen(c.snd_una, c.snd_nxt);
}

// In ascending order, and behind what is acknowledged: of what one acknowledgement delivers nothing tells which part
// came first, and a later one that is looked at before an earlier one would look like reordering.
void take_sacks(Resources& shared, Connection& c, const Segment& s, Harvest& harvest) {
  const bool first_is_duplicate = reports_duplicate(s);
  if (first_is_duplicate) duplicate_reported(c, s, harvest.delivery);
  std::array<SeqRange, kSacksMax> blocks = s.options.sacks;
  const auto from = blocks.begin() + first_is_duplicate, to = blocks.begin() + s.options.sack_count;
  if (to - from > 1) std::sort(from, to, [](SeqRange a, SeqRange b) { return before(a.start, b.start); });
  for (auto block = from; block < to; ++block) {
    if (!before(block->start, block->end) || before(block->start, c.snd_una) || after(block->end, c.snd_nxt)) continue;
    const uint32_t sacked = c.scoreboard.flight().sacked;
    c.scoreboard.sack(shared.segments, *block, harvest);
    harvest.delivery.fresh += c.scoreboard.flight().sacked - sacked;
  }
}

void move_una(Resources& shared, Connection& c, Seq ack, Harvest& harvest) {
  const uint32_t sacked = c.scoreboard.flight().sacked;
  c.scoreboard.acknowledge(shared.segments, ack, harvest);
  const uint32_t acknowledged = ack - c.snd_una, known = sacked - c.scoreboard.flight().sacked + c.reno_sacked;
  harvest.delivery.acknowledged = acknowledged;
  harvest.delivery.fresh = acknowledged - std::min(acknowledged, known);
  const uint32_t bytes = std::min(c.written.size(), earlier(ack, c.snd_end) - c.snd_una);
  if (before(c.snd_una, c.snd_end) && bytes > 0) {
    c.written.drop(shared.pieces, bytes);
    c.acknowledged += bytes;
    c.events |= kAcknowledged;
  }
  c.snd_una = ack;
  c.retries = 0;
  c.rtt.moved_on();
}

// RFC 9293 3.10.7.4: only by a segment that is newer than the one the window came with last.
void take_window(Connection& c, const Segment& s) {
  if (before(s.seq, c.snd_wl1) || (s.seq == c.snd_wl1 && before(s.ack, c.snd_wl2))) return;
  c.snd_wl1 = s.seq;
  c.snd_wl2 = s.ack;
  c.snd_wnd = uint32_t{s.window} << c.snd_scale;
  c.snd_wnd_max = std::max(c.snd_wnd_max, c.snd_wnd);
}

// Of segments that were sent once (Karn); where all were sent again the peer's echo of our clock tells, to a
// millisecond.
void take_round_trip(Resources& shared, Connection& c, const Segment& s, const Harvest& harvest) {
  if (harvest.slowest != Duration::min()) {
    c.rtt.add(harvest.slowest, harvest.now, shared.settings.rto);
    return c.cubic.measured(harvest.fastest, c.snd_una, c.snd_nxt);
  }
  if (!c.timestamps || !s.options.has_timestamps || s.options.ts_echo == 0 || !harvest.delivery.acknowledged) return;
  const auto age = int32_t(timestamp_clock(harvest.now) + c.ts_offset - s.options.ts_echo);
  if (age < 0 || age > 120'000) return;
  c.rtt.add(std::chrono::milliseconds(std::max(age, 1)), harvest.now, shared.settings.rto);
}

// The peer says that it lacks what it said it has (RFC 2018 8).
void look_for_reneging(Resources& shared, Connection& c) {
  if (c.scoreboard.empty() || !shared.segments[c.scoreboard.head()].sacked) return;
  shared.counters.reneged++;
  c.scoreboard.forget_sacks(shared.segments);
}

void congestion_was_marked(Resources& shared, Connection& c, const Segment& s) {
  if (!c.ecn || !s.has(kEce) || s.has(kSyn) || before(c.snd_una, c.ecn_end)) return;
  c.ecn_end = c.snd_nxt;
  c.cwr_due = true;
  reduce(shared, c);
}

void end_flight_round(Connection& c, uint32_t flight) {
  if (before(c.snd_una, c.flight_round_end)) return;
  c.flight_round_end = c.snd_nxt;
  c.flight_peak = flight;
}

}  // namespace

void acknowledgement_arrives(Resources& shared, Connection& c, const Segment& s, Instant now) {
  Delivery delivery{.flight_before = c.in_flight()};
  const bool nothing_sent = c.scoreboard.empty() && c.scoreboard.flight().outstanding == 0;
  delivery.duplicate = s.ack == c.snd_una && s.payload.empty() && !s.has(kFin) && !nothing_sent &&
                       uint32_t{s.window} << c.snd_scale == c.snd_wnd;
  delivery.echoes_first =
      c.timestamps && s.options.has_timestamps && c.undo_stamp != 0 && int32_t(s.options.ts_echo - c.undo_stamp) < 0;
  Harvest harvest{c, delivery, now};
  if (after(s.ack, c.snd_una)) move_una(shared, c, s.ack, harvest);
  if (c.sack && s.options.sack_count) take_sacks(shared, c, s, harvest);
  if (!before(s.ack, c.snd_una)) take_window(c, s);
  take_round_trip(shared, c, s, harvest);
  look_for_reneging(shared, c);
  congestion_was_marked(shared, c, s);
  // An answer to a probe; what is sent again into a window that was shut behind it is one, too (RFC 9293 3.8.6.1).
  if (nothing_sent || (c.snd_wnd == 0 && !c.orphan)) c.retries = 0;
  if (after(c.snd_una + c.snd_wnd, c.snd_nxt)) c.probes = 0;
  recover(shared, c, delivery, now);
  end_flight_round(c, delivery.flight_before);
  arm_for_data(shared, c, delivery.acknowledged > 0, now);
}

}  // namespace cardea::l7::tcp
