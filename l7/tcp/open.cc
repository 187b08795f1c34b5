#include <algorithm>

#include "l7/tcp/rooms.h"

namespace cardea::l7::tcp {
namespace {

uint64_t tuple_hash(HashKey key, const Tuple& tuple) {
  return flow_hash_v6(key, tuple.local.bytes.data(), tuple.remote.bytes.data(), tuple.local_port, tuple.remote_port,
                      Protocol::kTcp);
}

void begin(Resources& shared, Connection& c, const Tuple& tuple, Instant now) {
  const Settings& settings = shared.settings;
  c.tuple = tuple;
  c.path_mtu = settings.mtu;
  c.iss = initial_sequence(settings, tuple, now);
  c.ts_offset = timestamp_offset(settings, tuple);
  c.snd_una = c.iss;
  c.snd_nxt = c.snd_end = c.iss + 1;
  c.capacity = settings.receive_window;
  c.rcv_scale = receive_scale(settings);
  c.syn_due = true;
  c.last_sent = now;
}

}  // namespace

Seq initial_sequence(const Settings& settings, const Tuple& tuple, Instant now) {
  const auto ticks = now.time_since_epoch() / std::chrono::microseconds(4);
  return Seq(tuple_hash(settings.isn_key, tuple)) + Seq(ticks);
}

uint32_t timestamp_offset(const Settings& settings, const Tuple& tuple) {
  return uint32_t(tuple_hash(settings.timestamp_key, tuple));
}

uint32_t timestamp_clock(Instant now) {
  return uint32_t(std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count());
}

uint8_t receive_scale(const Settings& settings) {
  uint8_t scale = 0;
  while (scale < kWindowScaleMax && settings.receive_window_max >> scale > 65535) scale++;
  return settings.window_scale ? scale : 0;
}

uint32_t headers_of(const Connection& c) {
  return uint32_t(kTcpHeader + (c.tuple.local.is_v4() ? kIpv4Header : kIpv6Header));
}

uint32_t send_mss(const Connection& c) {
  const uint32_t path = c.path_mtu - headers_of(c);
  return std::min<uint32_t>(c.peer_mss, path) - (c.timestamps ? 12 : 0);
}

void open_actively(Resources& shared, Connection& c, const Tuple& tuple, Instant now) {
  begin(shared, c, tuple, now);
  c.state = State::kSynSent;
}

void open_passively(Resources& shared, Connection& c, const Segment& syn, Instant now) {
  begin(shared, c, syn.tuple, now);
  c.passive = true;
  c.orphan = true;  // nobody's before the handshake is over
  c.state = State::kSynReceived;
  take_syn_options(shared, c, syn, now);
  c.ecn = syn.has(kEce) && syn.has(kCwr);
}

void begin_beyond(Connection& c, Seq ended) {
  constexpr Seq kDistance = 65537;  // RFC 6191 2 leaves it open; Linux' number
  if (!before(c.iss, ended + kDistance)) return;
  c.iss = c.snd_una = ended + kDistance;
  c.snd_nxt = c.snd_end = c.iss + 1;
}

void open_by_cookie(Resources& shared, Connection& c, const Segment& syn, Seq iss, Instant now) {
  open_passively(shared, c, syn, now);
  c.iss = c.snd_una = iss;
  c.snd_nxt = c.snd_end = iss + 1;
  c.syn_due = false;
  c.last_sent = Instant{};  // when the answer left is not known
}

void take_syn_options(Resources& shared, Connection& c, const Segment& syn, Instant now) {
  const Settings& settings = shared.settings;
  const Options& options = syn.options;
  c.irs = syn.seq;
  c.received.begin(syn.seq + 1);
  c.rcv_edge = c.received.next() + std::min(c.capacity, 65535u);
  c.rcv_acked = c.received.next();
  const uint16_t absent = c.tuple.local.is_v4() ? 536 : 1220;  // RFC 9293 3.7.1
  c.peer_mss = std::max(options.mss ? options.mss : absent, settings.mss_floor);
  c.sack = settings.sack && options.sack_permitted;
  c.scaled = settings.window_scale && options.has_window_scale;
  c.snd_scale = c.scaled ? options.window_scale : 0;
  if (!c.scaled && c.state == State::kSynSent) c.rcv_scale = 0;
  c.timestamps = settings.timestamps && options.has_timestamps;
  c.ts_recent = c.timestamps ? options.ts_value : 0;
  c.ts_recent_at = Moment(now);
  c.snd_wnd = c.snd_wnd_max = syn.window;  // never scaled here (RFC 7323 2.2)
  c.snd_wl1 = syn.seq;
  c.snd_wl2 = syn.ack;
  c.rcv_mss = uint16_t(std::min(send_mss(c), 1460u));
}

void establish(Resources& shared, Connection& c, Instant now) {
  c.state = State::kEstablished;
  c.events |= kOpened;
  c.was_opened = true;
  c.orphan = c.orphan && !c.passive;
  c.syn_due = false;
  c.retries = 0;
  c.deadline(Deadline::kRetransmit) = kNever;
  if (!c.scaled) c.rcv_scale = 0;
  if (c.syn_repeated)
    c.rtt.handshake_was_lost();
  else if (c.last_sent != Instant{} && !c.syn_asked_again)
    c.rtt.add(now - c.last_sent, now, shared.settings.rto);
  c.rtt.moved_on();
  const uint32_t segments = c.syn_repeated ? 1 : shared.settings.initial_segments;  // RFC 5681 3.1
  c.cubic.begin(segments * send_mss(c));
  c.window = c.cubic.window();
  c.quick_acks = 16;
  c.last_sent = Instant{};
  c.recover_end = c.ecn_end = c.flight_round_end = c.snd_una;  // numbers are compared with them: 0 may lie ahead
  c.tune_from = c.received.read();
  c.tune_at = Moment(now);
  if (shared.settings.keep_alive_idle.count()) c.deadline(Deadline::kKeepAlive) = now + shared.settings.keep_alive_idle;
  (c.passive ? shared.counters.opened_passively : shared.counters.opened_actively)++;
  arm_for_data(shared, c, false, now);  // written before, to a window that may be shut
}

}  // namespace cardea::l7::tcp
