// One connection's state (the TCB of RFC 9293 3.3.1) as plain data, at most 512 bytes: what it lends while it sends,
// receives or mends losses stands in the stack's pools. The rooms that work on it: receive.cc (a segment arrives),
// acknowledge.cc (what its ACK says), recover.cc (losses and the congestion window), output.cc (the next packet),
// timers.cc (a deadline has come). Sequence variables bear RFC 9293's names.
#pragma once

#include <algorithm>
#include <array>

#include "base/timer_wheel.h"
#include "l7/tcp/cubic.h"
#include "l7/tcp/moment.h"
#include "l7/tcp/rack.h"
#include "l7/tcp/receive_queue.h"
#include "l7/tcp/recovery_rate.h"
#include "l7/tcp/resources.h"
#include "l7/tcp/segment.h"

namespace cardea::l7::tcp {

enum class State : uint8_t {
  kSynSent,
  kSynReceived,
  kEstablished,
  kFinWait1,
  kFinWait2,
  kCloseWait,
  kClosing,
  kLastAck,
  kTimeWait,
  kClosed
};

// How a connection ended, once it is kClosed.
enum class Ending : uint8_t { kNot, kOrderly, kReset, kRefused, kTimedOut, kUnreachable, kAborted };

// What an owner is told; several together are one event.
enum Event : uint8_t {
  kOpened = 1,        // the handshake is over
  kReadable = 2,      // more bytes can be read
  kAcknowledged = 4,  // bytes that were written are the owner's again
  kPeerFinished = 8,  // no more will come; what was written still goes
  kEnded = 16,        // it is closed, and `ending` says how
};

enum class Deadline : uint8_t {
  kRetransmit,   // RFC 6298; also SYN and SYN|ACK
  kReorder,      // RFC 8985 6.2
  kProbe,        // while data is out its tail (RFC 8985 7), else a window that lets nothing out (RFC 9293 3.8.6)
  kAcknowledge,  // a delayed acknowledgement
  kKeepAlive,
  kEnd,  // TIME-WAIT and FIN-WAIT-2 without an owner
};
inline constexpr size_t kDeadlines = 6;
inline constexpr Instant kNever = Instant::max();

// Losses that were found by acknowledgements, or by the timer; or what was too big goes again in smaller pieces, which
// is no sign of congestion: nothing is slowed down, and nothing to be undone.
enum class Mending : uint8_t { kNot, kRecovery, kLoss, kSmaller };

struct Connection {
  uint64_t acknowledged = 0;  // bytes, all told
  Instant last_sent{};        // a SYN too
  Tuple tuple;
  State state = State::kClosed;
  Ending ending = Ending::kNot;
  uint8_t events = 0;  // not told yet

  // What has to leave besides data: looked at by output.cc in this order.
  bool reset_due : 1 = false, stray_reset_due : 1 = false, syn_due : 1 = false;
  bool probe_due : 1 = false, tail_probe_due : 1 = false, keep_alive_due : 1 = false;
  bool acknowledge_due : 1 = false, override_due : 1 = false;

  bool passive : 1 = false;     // a peer opened it
  bool orphan : 1 = false;      // its owner has left
  bool nagle : 1 = false;       // RFC 896; by choice
  bool fin_wanted : 1 = false;  // the owner has written all
  bool fin_known : 1 = false, fin_received : 1 = false;
  bool sack : 1 = false, timestamps : 1 = false, scaled : 1 = false;
  bool ecn : 1 = false, ece_due : 1 = false, cwr_due : 1 = false;
  bool interactive : 1 = false;  // answers carry our acknowledgements: delay them (RFC 9293 3.8.6.3)
  bool syn_repeated : 1 = false;     // because no answer came
  bool syn_asked_again : 1 = false;  // our part of the handshake left twice, for the peer's sake: no round trip
  bool tail_probe_repeats : 1 = false;
  bool late_tells : 1 = false;   // originals that arrive behind the timeout tell that there was no loss
  bool undo_barred : 1 = false;  // there was a sign of congestion besides
  bool in_events : 1 = false, in_output : 1 = false, in_table : 1 = false;  // where the stack keeps it
  bool half_open : 1 = false, was_opened : 1 = false;
  Mending mending = Mending::kNot;
  uint8_t snd_scale = 0, rcv_scale = 0;
  uint8_t quick_acks = 0;  // so many more are not delayed
  uint8_t retries = 0, probes = 0, keep_alives = 0, duplicate_acks = 0;

  uint16_t peer_mss = 536;  // as the peer said, floored
  uint16_t path_mtu = 1500;
  uint16_t ip_id = 0;
  uint16_t rcv_mss = 536;  // the largest segment that came lately: when a second one is whole

  Seq iss = 0, snd_una = 0, snd_nxt = 0, snd_end = 0;  // snd_end: behind what was written
  Seq snd_wl1 = 0, snd_wl2 = 0;
  Seq stray_ack = 0;  // what a segment acknowledged that we never sent: the number of the reset that answers it
  uint32_t snd_wnd = 0, snd_wnd_max = 0;

  Seq irs = 0, rcv_edge = 0, rcv_acked = 0, fin_at = 0;  // rcv_edge: the right edge that was advertised
  uint32_t capacity = 0;                                 // of the receive queue, in bytes
  uint32_t ts_recent = 0, ts_offset = 0;
  SeqRange duplicate;  // to be reported (RFC 2883)

  Seq recover_end = 0, undo_from = 0, tail_probe_end = 0, ecn_end = 0, flight_round_end = 0;
  uint32_t undo_bytes = 0, undo_stamp = 0;  // sent again in this mending and not told to be duplicates; our clock then
  uint32_t flight_peak = 0, reno_sacked = 0;
  uint32_t window = 0;  // congestion window in force, bytes

  Moment last_received, last_challenge, ts_recent_at, tune_at;
  Moment mtu_lowered_at;
  Seq tune_from = 0;
  std::array<Instant, kDeadlines> deadlines = {kNever, kNever, kNever, kNever, kNever, kNever};

  ReceiveQueue received;
  SendQueue written;
  Scoreboard scoreboard;
  RoundTrip rtt;
  Rack rack;
  Cubic cubic;
  RecoveryRate rate;

  // The stack's: links by index.
  TimerWheel::Timer timer;
  Moment armed;  // when the wheel fires, if it will
  uint32_t index = 0, table_next = kNone, event_next = kNone, output_next = kNone, listener = kNone;

  Instant& deadline(Deadline kind) { return deadlines[size_t(kind)]; }
  Seq rcv_nxt() const { return received.next() + fin_received; }
  bool fin_sent() const { return after(snd_nxt, snd_end); }
  bool synchronized() const { return state >= State::kEstablished && state < State::kClosed; }
  bool may_receive() const {
    return state == State::kEstablished || state == State::kFinWait1 || state == State::kFinWait2;
  }
  bool slowed_down() const { return mending == Mending::kRecovery || mending == Mending::kLoss; }
  uint32_t in_flight() const {
    const uint32_t flight = scoreboard.flight().in_flight();
    return flight - std::min(flight, reno_sacked);
  }
  // Unsent bytes, a FIN not counted.
  uint32_t unsent() const { return fin_sent() ? 0 : snd_end - snd_nxt; }
  bool fin_due() const { return fin_wanted && !fin_sent(); }
};
static_assert(sizeof(Connection) <= 512);

}  // namespace cardea::l7::tcp
