// The next packet of a connection: what was lost first, then what is new, then probes, and an acknowledgement alone
// only when none of them carries it. Each call makes one packet, so that whoever fetches can stop when the wire is
// full.
#include <algorithm>

#include "l7/tcp/rooms.h"

namespace cardea::l7::tcp {
namespace {

constexpr auto kMtuKept = std::chrono::minutes(10);

uint32_t clock_of(const Connection& c, Instant now) {
  return timestamp_clock(now) + c.ts_offset;
}

// What window to tell, and what is promised by it (RFC 9293 3.8.6.2.2). Never less than was promised, and rounded up to
// what the scale can say as long as that exceeds the buffer by no more than a unit: one-byte segments must not make the
// edge creep.
uint16_t advertise(Connection& c) {
  const Seq limit = c.received.read() + c.capacity;
  const uint32_t gain = window_to_tell(c);
  const Seq edge = gain > 0 && gain >= std::min(send_mss(c), c.capacity / 2) ? limit : c.rcv_edge;
  const Seq nxt = c.rcv_nxt();
  const uint32_t window = after(edge, nxt) ? edge - nxt : 0;
  const uint32_t unit = 1u << c.rcv_scale;
  uint32_t told = (window + unit - 1) >> c.rcv_scale;
  if (told > 0 && int32_t(nxt + (told << c.rcv_scale) - limit) >= int32_t(unit)) told--;
  told = std::min(told, 65535u);
  c.rcv_edge = later(c.rcv_edge, nxt + (told << c.rcv_scale));
  return uint16_t(told);
}

void add_sacks(Resources& shared, Connection& c, Options& options) {
  if (!c.sack) return;
  const size_t room = c.timestamps ? 3 : kSacksMax;
  size_t count = 0;
  if (!c.duplicate.empty()) options.sacks[count++] = c.duplicate;
  c.duplicate = {};
  count += c.received.sacks(shared.received, options.sacks.data() + count, room - count);
  options.sack_count = uint8_t(count);
}

Options timestamps_of(const Connection& c, Instant now) {
  return {.has_timestamps = true, .ts_value = clock_of(c, now), .ts_echo = c.ts_recent};
}

Outgoing begin_segment(Resources& shared, Connection& c, uint8_t flags, Seq seq, Instant now) {
  Outgoing out{.tuple = c.tuple, .seq = seq, .ack = c.rcv_nxt(), .flags = uint8_t(flags | kAck), .ip_id = c.ip_id++};
  if (c.timestamps) out.options = timestamps_of(c, now);
  add_sacks(shared, c, out.options);
  out.window = advertise(c);
  if (c.ece_due) out.flags |= kEce;
  return out;
}

// Whatever leaves carries the acknowledgement.
void acknowledged_by_now(Connection& c) {
  c.acknowledge_due = false;
  c.deadline(Deadline::kAcknowledge) = kNever;
  if (c.quick_acks > 0 && c.rcv_acked != c.rcv_nxt()) c.quick_acks--;
  c.rcv_acked = c.rcv_nxt();
}

size_t finish(Resources& shared, Connection& c, const Outgoing& out, MutableBytes room, size_t payload) {
  const size_t size = headers_size(out) + payload;
  write_headers(out, room.first(size));
  acknowledged_by_now(c);
  shared.counters.sent++;
  return size;
}

// Data and FIN as they stand in `seqs`, which were sent before or are the next.
size_t send_range(Resources& shared, Connection& c, SeqRange seqs, bool again, MutableBytes room, Instant now) {
  const bool fin = after(seqs.end, c.snd_end);
  const uint32_t payload = seqs.size() - fin;
  Outgoing out = begin_segment(shared, c, fin ? kFin : 0, seqs.start, now);
  if (payload > 0 && seqs.start + payload == c.snd_end) out.flags |= kPsh;
  if (c.ecn && !again && payload > 0) {
    out.ecn = Ecn::kEct0;  // neither what is sent again nor bare acknowledgements (RFC 3168 6.1.4, 6.1.5)
    if (c.cwr_due) out.flags |= kCwr;
    c.cwr_due = false;
  }
  c.written.copy(shared.pieces, seqs.start - c.snd_una, room.subspan(headers_size(out), payload));
  if (!c.last_received.never() && c.last_received.since(now) < shared.settings.delayed_ack) c.interactive = true;
  c.last_sent = now;
  if (c.mending != Mending::kNot) c.rate.sent(seqs.size());
  return finish(shared, c, out, room, payload);
}

size_t send_again(Resources& shared, Connection& c, uint32_t index, MutableBytes room, Instant now) {
  const SeqRange seqs = shared.segments[index].seqs;
  const bool head = index == c.scoreboard.head();
  c.scoreboard.sent_again(shared.segments, index, now);
  if (c.slowed_down()) {
    c.undo_bytes += seqs.size();
    if (c.undo_stamp == 0) c.undo_stamp = std::max(clock_of(c, now), 1u);
  }
  shared.counters.retransmitted++;
  if (head) arm_for_data(shared, c, true, now);
  return send_range(shared, c, seqs, true, room, now);
}

// Bytes of payload that fit into one segment beside the options it will bear.
uint32_t room_in_segment(const Resources& shared, const Connection& c) {
  SeqRange ranges[kSacksMax];
  const size_t most = c.timestamps ? 3 : kSacksMax;
  size_t count = c.sack ? c.received.sacks(shared.received, ranges, most) + !c.duplicate.empty() : 0;
  count = std::min(count, most);
  return send_mss(c) - (count ? uint32_t(4 + 8 * count) : 0);
}

size_t send_lost(Resources& shared, Connection& c, MutableBytes room, Instant now) {
  const uint32_t index = c.scoreboard.first_lost(shared.segments);
  if (index == kNone) return 0;
  const uint32_t most = room_in_segment(shared, c);
  const SeqRange seqs = shared.segments[index].seqs;
  // The first is sent whatever the peer's window is now: it may have shrunk (RFC 9293 3.8.6).
  if (seqs.start != c.snd_una && !before(seqs.start, c.snd_una + c.snd_wnd)) return 0;
  const uint32_t flight = c.in_flight();
  if (flight > 0 && flight + std::min(seqs.size(), most) > c.window) return 0;
  if (seqs.size() > most && !c.scoreboard.split(shared.segments, index, seqs.start + most)) return 0;
  return send_again(shared, c, index, room, now);
}

// How much new data may leave in one segment now; `regardless` of the congestion window.
uint32_t sendable(const Resources& shared, const Connection& c, bool regardless) {
  const Seq edge = c.snd_una + c.snd_wnd;
  const uint32_t open = after(edge, c.snd_nxt) ? edge - c.snd_nxt : 0;
  const uint32_t unsent = c.unsent(), most = room_in_segment(shared, c);
  const uint32_t size = std::min({unsent, open, most});
  const uint32_t flight = c.in_flight();
  if (size == 0 || (!regardless && flight > 0 && flight + size > c.window)) return 0;
  const bool last = size == unsent && (!c.nagle || c.scoreboard.empty() || c.fin_wanted);
  const bool worth = size == most || last || size >= c.snd_wnd_max / 2 || c.override_due;
  return worth ? size : 0;
}

void fin_leaves(Connection& c) {
  c.state = c.state == State::kCloseWait ? State::kLastAck : State::kFinWait1;
}

// A path that was narrow may be wide again (RFC 1191 6.3): what is new asks.
void raise_mtu(const Resources& shared, Connection& c, Instant now) {
  if (c.mtu_lowered_at.never() || c.mtu_lowered_at.since(now) < kMtuKept) return;
  c.path_mtu = shared.settings.mtu;
  c.mtu_lowered_at = {};
}

void ends_idleness(const Resources& shared, Connection& c, Instant now) {
  const Duration idle = now - c.last_sent, timeout = c.rtt.timeout(shared.settings.rto);
  c.cubic.idle(idle);
  if (!shared.settings.restart_after_idle || !c.passive || c.mending != Mending::kNot || idle <= timeout) return;
  c.cubic.restart(idle, timeout, shared.settings.initial_segments * send_mss(c));
  c.window = c.cubic.window();
  c.undo_stamp = 0;
}

size_t send_new(Resources& shared, Connection& c, bool regardless, MutableBytes room, Instant now) {
  raise_mtu(shared, c, now);
  const uint32_t size = sendable(shared, c, regardless);
  const bool fits = before(c.snd_nxt + size, c.snd_una + c.snd_wnd);
  const bool fin = c.fin_due() && size == c.unsent() && fits;
  if (size == 0 && !fin) return 0;
  const SeqRange seqs{c.snd_nxt, c.snd_nxt + size + fin};
  const bool first = c.scoreboard.empty();
  if (c.scoreboard.append(shared.segments, seqs, now) == kNone) {
    shared.counters.no_segment_left++;
    return 0;
  }
  if (first && c.last_sent != Instant{}) ends_idleness(shared, c, now);
  c.override_due = false;
  c.snd_nxt = seqs.end;
  if (fin) fin_leaves(c);
  c.flight_peak = std::max(c.flight_peak, c.in_flight());
  c.tail_probe_due = false;
  c.deadline(Deadline::kProbe) = kNever;  // the tail is another: its time begins anew (RFC 8985 7.2)
  arm_for_data(shared, c, first, now);
  return send_range(shared, c, seqs, false, room, now);
}

// The last segment once more. Beyond the window that the peer has now only the first is (RFC 9293 3.8.6): the rest is
// left to the timeout.
size_t repeat_tail(Resources& shared, Connection& c, MutableBytes room, Instant now) {
  const uint32_t tail = c.scoreboard.tail();
  const SeqRange seqs = shared.segments[tail].seqs;
  const Seq start = later(seqs.start, seqs.end - room_in_segment(shared, c));
  if (start != c.snd_una && after(seqs.end, c.snd_una + c.snd_wnd)) return 0;
  if (start != seqs.start && !c.scoreboard.split(shared.segments, tail, start)) return 0;
  c.tail_probe_repeats = true;
  return send_again(shared, c, c.scoreboard.tail(), room, now);
}

// New data if there is any that the peer has room for, else what it has got last (RFC 8985 7.3); once for a tail, also
// when nothing can leave. What arrived since the probe's time came may have answered it.
size_t send_tail_probe(Resources& shared, Connection& c, MutableBytes room, Instant now) {
  if (!c.tail_probe_due) return 0;
  c.tail_probe_due = false;
  if (c.scoreboard.empty() || c.scoreboard.sacked_count() > 0) return 0;
  c.tail_probe_repeats = false;
  c.tail_probe_end = c.snd_nxt;
  size_t size = send_new(shared, c, true, room, now);
  if (size == 0) size = repeat_tail(shared, c, room, now);
  if (size == 0) return 0;
  shared.counters.tail_probes++;
  c.tail_probe_end = c.snd_nxt;
  arm_for_data(shared, c, true, now);
  return size;
}

// An empty segment before the window, which every peer answers: at SND.NXT it would be taken in silence.
size_t send_probe(Resources& shared, Connection& c, MutableBytes room, Instant now) {
  if (!c.probe_due && !c.keep_alive_due) return 0;
  if (c.probe_due) shared.counters.window_probes++;
  c.probe_due = c.keep_alive_due = false;
  return finish(shared, c, begin_segment(shared, c, 0, c.snd_una - 1, now), room, 0);
}

size_t send_reset(Resources& shared, Connection& c, MutableBytes room, Instant now) {
  c.reset_due = false;
  c.acknowledge_due = false;
  Outgoing out{.tuple = c.tuple, .seq = c.snd_nxt, .ack = c.rcv_nxt(), .flags = kRst | kAck, .ip_id = c.ip_id++};
  if (c.timestamps) out.options = timestamps_of(c, now);  // RFC 7323 3.2
  const size_t size = headers_size(out);
  write_headers(out, room.first(size));
  shared.counters.sent++;
  return size;
}

// To a segment that belongs to no connection that we know, over the tuple of one (RFC 9293 3.10.7.3).
size_t send_stray_reset(Resources& shared, Connection& c, MutableBytes room) {
  c.stray_reset_due = false;
  const Outgoing out{.tuple = c.tuple, .seq = c.stray_ack, .flags = kRst, .ip_id = c.ip_id++};
  const size_t size = headers_size(out);
  write_headers(out, room.first(size));
  shared.counters.sent++;
  return size;
}

Options syn_options(const Resources& shared, const Connection& c, Instant now) {
  const Settings& settings = shared.settings;
  const bool answer = c.state == State::kSynReceived;
  Options options;
  const auto headers = uint16_t(kTcpHeader + (c.tuple.local.is_v4() ? kIpv4Header : kIpv6Header));
  options.mss = uint16_t(settings.mtu - headers);
  options.sack_permitted = answer ? c.sack : settings.sack;
  options.has_window_scale = answer ? c.scaled : settings.window_scale;
  options.window_scale = c.rcv_scale;
  options.has_timestamps = answer ? c.timestamps : settings.timestamps;
  options.ts_value = clock_of(c, now);
  options.ts_echo = c.ts_recent;
  return options;
}

size_t send_syn(Resources& shared, Connection& c, MutableBytes room, Instant now) {
  c.syn_due = false;
  const bool answer = c.state == State::kSynReceived;
  Outgoing out{.tuple = c.tuple, .seq = c.iss, .flags = kSyn, .ip_id = c.ip_id++};
  out.window = uint16_t(std::min(c.capacity, 65535u));
  out.options = syn_options(shared, c, now);
  if (answer) {
    out.ack = c.rcv_nxt();
    out.flags |= kAck;
    if (c.ecn) out.flags |= kEce;
    c.rcv_edge = later(c.rcv_edge, c.rcv_nxt() + out.window);
  } else if (shared.settings.ecn && !c.syn_repeated) {
    out.flags |= kEce | kCwr;
  }
  c.last_sent = now;
  c.deadline(Deadline::kRetransmit) = now + c.rtt.timeout(shared.settings.rto);
  return finish(shared, c, out, room, 0);
}

size_t send_acknowledgement(Resources& shared, Connection& c, MutableBytes room, Instant now) {
  if (!c.acknowledge_due) return 0;
  return finish(shared, c, begin_segment(shared, c, 0, c.snd_nxt, now), room, 0);
}

}  // namespace

uint32_t window_to_tell(const Connection& c) {
  const Seq limit = c.received.read() + c.capacity;
  return after(limit, c.rcv_edge) ? limit - c.rcv_edge : 0;
}

size_t next_packet(Resources& shared, Connection& c, MutableBytes room, Instant now) {
  if (c.reset_due) return send_reset(shared, c, room, now);
  if (c.stray_reset_due) return send_stray_reset(shared, c, room);
  if (c.state == State::kClosed) return 0;
  if (c.syn_due) return send_syn(shared, c, room, now);
  if (c.state == State::kSynSent) return 0;
  if (c.synchronized() && c.state != State::kTimeWait) {
    if (const size_t size = send_lost(shared, c, room, now)) return size;
    if (const size_t size = send_new(shared, c, false, room, now)) return size;
    if (const size_t size = send_tail_probe(shared, c, room, now)) return size;
    if (const size_t size = send_probe(shared, c, room, now)) return size;
  }
  return send_acknowledgement(shared, c, room, now);
}

}  // namespace cardea::l7::tcp
