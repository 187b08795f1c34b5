#include <algorithm>

#include "l7/tcp/rooms.h"

namespace cardea::l7::tcp {
namespace {

// At once: two whole segments wait, or the window's edge should move, or the peer learns something by it; else with
// what we send, or after a while (RFC 9293 3.8.6.3, RFC 5681 4.2).
void acknowledge_by_and_by(const Resources& shared, Connection& c, Instant now) {
  const uint32_t owed = c.rcv_nxt() - c.rcv_acked;
  if (owed > c.rcv_mss || (c.quick_acks > 0 && !c.interactive)) {
    c.acknowledge_due = true;
    return;
  }
  Instant& when = c.deadline(Deadline::kAcknowledge);
  when = std::min(when, now + shared.settings.delayed_ack);
}

// Data that our owner will never read: the peer has to know (RFC 1122 4.2.2.13, RFC 2525 2.17).
bool nobody_reads(Resources& shared, Connection& c, const Segment& s) {
  if (!c.orphan || !after(s.seq + uint32_t(s.payload.size()), c.rcv_nxt()) || s.payload.empty()) return false;
  shared.counters.late_data++;
  end(shared, c, Ending::kAborted);
  c.stray_ack = s.ack;
  c.stray_reset_due = true;
  return true;
}

// The part of the payload inside the window and before a FIN that is known.
Bytes inside(const Connection& c, const Segment& s) {
  Seq edge = c.rcv_edge;
  if (c.fin_known) edge = earlier(edge, c.fin_at);
  if (!before(s.seq, edge)) return {};
  return s.payload.first(std::min<size_t>(s.payload.size(), edge - s.seq));
}

void learn_segment_size(Connection& c, size_t size) {
  if (size >= c.rcv_mss || size >= 536) c.rcv_mss = uint16_t(std::min<size_t>(size, send_mss(c)));
}

void payload_arrives(Resources& shared, Connection& c, const Segment& s, Instant now) {
  const Bytes payload = inside(c, s);
  const bool had_gap = c.received.has_gap();
  const ReceiveQueue::Inserted inserted = c.received.insert(shared.received, s.seq, payload);
  learn_segment_size(c, s.payload.size());
  if (!inserted.duplicate.empty()) {
    shared.counters.duplicates++;
    if (c.sack) c.duplicate = inserted.duplicate;
  }
  if (inserted.dropped) shared.counters.no_block_left++;
  if (inserted.in_order) c.events |= kReadable;
  const bool cut = payload.size() < s.payload.size();
  if (inserted.in_order == 0 || had_gap || c.received.has_gap() || inserted.dropped || cut ||
      !inserted.duplicate.empty())
    c.acknowledge_due = true;
  else
    acknowledge_by_and_by(shared, c, now);
  c.last_received = Moment(now);
}

void note_fin(Connection& c, const Segment& s) {
  const Seq at = s.seq + uint32_t(s.payload.size());
  if (!s.has(kFin) || c.fin_known || after(at, c.rcv_edge) || before(at, c.rcv_nxt())) return;
  c.fin_known = true;
  c.fin_at = at;
}

void fin_arrives(Resources& shared, Connection& c, Instant now) {
  c.fin_received = true;
  c.acknowledge_due = true;
  c.events |= kPeerFinished;
  if (c.state == State::kEstablished) {
    c.state = State::kCloseWait;
  } else if (c.state == State::kFinWait1) {
    c.state = State::kClosing;  // our FIN is not acknowledged yet
  } else if (c.state == State::kFinWait2) {
    enter_time_wait(shared, c, now);
  }
}

}  // namespace

void data_arrives(Resources& shared, Connection& c, const Segment& s, Instant now) {
  if (c.ecn && s.ecn == Ecn::kCe) c.ece_due = c.acknowledge_due = true;
  if (s.has(kCwr) && !s.has(kSyn)) c.ece_due = c.ecn && s.ecn == Ecn::kCe;
  if (!c.may_receive()) {
    if (s.length() > 0) c.acknowledge_due = true;  // a FIN once more
    return;
  }
  if (nobody_reads(shared, c, s)) return;
  note_fin(c, s);
  if (!s.payload.empty())
    payload_arrives(shared, c, s, now);
  else if (s.has(kFin))
    c.acknowledge_due = true;
  if (c.fin_known && !c.fin_received && c.received.next() == c.fin_at) fin_arrives(shared, c, now);
}

}  // namespace cardea::l7::tcp
