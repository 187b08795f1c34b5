// The rooms of a connection: each is a function over one Connection and what all share. Nothing calls upward: what has
// to leave is noted in the connection and fetched by next_packet(), what the owner should know is noted in `events`.
#pragma once

#include "l7/tcp/connection.h"
#include "l7/tcp/icmp_error.h"

namespace cardea::l7::tcp {

// open.cc
// Begins a connection of our own making (RFC 9293 3.10.1): a SYN will leave.
void open_actively(Resources& shared, Connection& c, const Tuple& tuple, Instant now);
// Begins one that a peer's SYN asks for (RFC 9293 3.10.7.2): a SYN|ACK will leave.
void open_passively(Resources& shared, Connection& c, const Segment& syn, Instant now);
// Our numbers begin beyond those of a connection over the same tuple that ended there.
void begin_beyond(Connection& c, Seq ended);
// The handshake is over: windows, scales and times are what both sides said.
void establish(Resources& shared, Connection& c, Instant now);
// What a SYN or SYN|ACK says of its sender.
void take_syn_options(Resources& shared, Connection& c, const Segment& syn, Instant now);
Seq initial_sequence(const Settings& settings, const Tuple& tuple, Instant now);
uint32_t timestamp_offset(const Settings& settings, const Tuple& tuple);
// Milliseconds, before the offset (RFC 7323 5.4).
uint32_t timestamp_clock(Instant now);
// The window scale that we offer: the smallest that can tell of the largest buffer (RFC 7323 2.3).
uint8_t receive_scale(const Settings& settings);
// A connection that a cookie remembered: as if `syn` had been answered by `iss` just now.
void open_by_cookie(Resources& shared, Connection& c, const Segment& syn, Seq iss, Instant now);
// Of IP and TCP, without options.
uint32_t headers_of(const Connection& c);
// Bytes of payload in a whole segment, options that all segments bear taken off (RFC 6691).
uint32_t send_mss(const Connection& c);

// receive.cc
// A segment of this connection's tuple arrives (RFC 9293 3.10.7.3, 3.10.7.4).
void segment_arrives(Resources& shared, Connection& c, const Segment& segment, Instant now);
// An acknowledgement that nothing but suspicion asks for; at most one a challenge_interval (RFC 5961).
void challenge(Resources& shared, Connection& c, Instant now);

// arrive_data.cc
// Payload and FIN of an acceptable segment, and when they are acknowledged.
void data_arrives(Resources& shared, Connection& c, const Segment& segment, Instant now);

// acknowledge.cc
// An acceptable ACK: what it delivers, the peer's window, round-trip times; then recover.cc.
void acknowledgement_arrives(Resources& shared, Connection& c, const Segment& segment, Instant now);

// recover.cc
struct Delivery {
  uint32_t acknowledged = 0;  // bytes by which SND.UNA moved
  uint32_t delivered = 0;     // bytes in segments newly acknowledged or SACKed
  uint32_t fresh = 0;         // bytes acknowledged or SACKed that no SACK or duplicate told of before
  uint32_t flight_before = 0;
  bool duplicate = false;         // says nothing new (RFC 5681 2)
  bool duplicate_sacked = false;  // a D-SACK
  bool probe_sacked = false;      // one of the tail that a probe repeated
  bool echoes_first = false;      // its timestamp is older than what was sent again
  bool lost_arrived = false;      // what was held for lost when mending began, and not sent again yet
};
// Losses, what they mean for the congestion window, and their undoing.
void recover(Resources& shared, Connection& c, const Delivery& delivery, Instant now);
// The retransmission timer ran out (RFC 6298 5.4 ff., RFC 8985 6.3).
void retransmission_timed_out(Resources& shared, Connection& c, Instant now);
// The congestion window sinks without a loss: a mark of ECN, or a tail that a probe had to mend.
void reduce(Resources& shared, Connection& c);
// The path takes less than what is under way: that is sent again in smaller pieces, which is no sign of congestion
// (RFC 1191 6.2).
void resend_what_is_too_big(Resources& shared, Connection& c);
// The reordering timer ran out (RFC 8985 6.2).
void reordering_timed_out(Resources& shared, Connection& c, Instant now);

// icmp_error.cc
// What a router or host says of a segment of ours: believed only of what is under way (RFC 5927 4.1). A smaller MTU is
// taken at once, and raised again after ten minutes; unreachable ends a dial and nothing else.
void icmp_error_arrives(Resources& shared, Connection& c, const IcmpError& error, Instant now);

// timers.cc
// Does what is due by now.
void deadlines_come(Resources& shared, Connection& c, Instant now);
// Arms the timers that stand behind data (retransmission, tail probe, window probe) as things are now. `restart`: the
// retransmission timer begins anew (RFC 6298 5.3).
void arm_for_data(Resources& shared, Connection& c, bool restart, Instant now);
Instant earliest(const Connection& c);

// output.cc
// Writes the next packet that is to leave into `room`, which holds an MTU; 0 when there is none.
size_t next_packet(Resources& shared, Connection& c, MutableBytes room, Instant now);
// By what our right edge would move if it were told now (RFC 9293 3.8.6.2.2).
uint32_t window_to_tell(const Connection& c);

// end.cc
// Closed for good: everything lent is given back.
void end(Resources& shared, Connection& c, Ending ending);
void enter_time_wait(Resources& shared, Connection& c, Instant now);
// A reset leaves, then it is closed.
void abort(Resources& shared, Connection& c);

}  // namespace cardea::l7::tcp
