// The stack's bookkeeping: connections by tuple and by index, which of them have something to send or to tell, and
// segments that belong to none.
#include <algorithm>
#include <memory>
#include <utility>

#include "l7/tcp/rooms.h"
#include "l7/tcp/stack.h"
#include "l7/tcp/syn_cookies.h"

namespace cardea::l7::tcp {
namespace {
constexpr auto kCookieLife = std::chrono::seconds(128);
}  // namespace

void Stack::receive(Bytes packet, Instant now, Checksum checksum) {
  const auto segment = read_segment(packet, checksum);
  if (!segment && segment.error() == SegmentFault::kNotTcp)
    if (const auto error = read_icmp_error(packet)) return error_arrives(*error, now);
  if (!segment) return count_fault(segment.error());
  const uint32_t index = find_tuple(segment->tuple);
  if (index == kNone) return arrives_without_connection(*segment, now);
  Connection& c = connections_[index];
  shared_.counters.received++;
  if (c.state == State::kTimeWait && reopens(c, *segment)) {
    const ListenerId listener = listener_of(segment->tuple);
    const Seq ended = c.snd_nxt;
    end(shared_, c, Ending::kOrderly);
    settle(index);
    return syn_arrives(*segment, listener, ended, now);
  }
  segment_arrives(shared_, c, *segment, now);
  if (shared_.received.short_of_blocks() && shared_.received.arrivals.lent() > 0) give_up_gaps();
  settle(index);
}

// A few are looked at, from a place that moves: whoever's data is in order needs the room.
void Stack::give_up_gaps() {
  constexpr uint32_t kLookedAt = 64;
  for (uint32_t i = 0; i < std::min(kLookedAt, connections_.made()) && shared_.received.short_of_blocks(); i++) {
    gaps_from_ = (gaps_from_ + 1) % connections_.made();
    ReceiveQueue& received = connections_[gaps_from_].received;
    if (!received.has_gap()) continue;
    received.give_up_gap(shared_.received);
    shared_.counters.gaps_given_up++;
  }
}

// A SYN that is newer than all that the connection saw (RFC 6191 2), to somebody who still listens.
bool Stack::reopens(const Connection& c, const Segment& s) const {
  if (!s.has(kSyn) || s.has(kAck) || s.has(kRst) || s.has(kFin)) return false;
  if (listener_of(s.tuple) == kNone) return false;
  if (c.timestamps && s.options.has_timestamps && int32_t(s.options.ts_value - c.ts_recent) > 0) return true;
  return after(s.seq, c.rcv_nxt());
}

void Stack::arrives_without_connection(const Segment& s, Instant now) {
  if (!may_be_peer(s.tuple.remote) || (s.tuple.remote == s.tuple.local && s.tuple.remote_port == s.tuple.local_port)) {
    shared_.counters.bad_address++;
    return;
  }
  if (TimeWait* const wait = time_waits_.find(s.tuple, now)) return arrives_late(*wait, s, now);
  if (s.has(kRst)) {
    shared_.counters.resets_ignored++;
    return;
  }
  const ListenerId listener = listener_of(s.tuple);
  if (listener == kNone && s.has(kSyn) && !s.has(kAck) && listens_at(s.tuple) != nullptr) {
    shared_.counters.syns_dropped++;
    return;
  }
  if (listener == kNone || s.has(kAck) || !s.has(kSyn) || s.has(kFin)) {
    if (listener != kNone && !s.has(kAck)) return;  // neither an opening nor anything that could be answered
    if (listener != kNone && opens_by_cookie(s, listener, now)) return;
    return refuse(s);
  }
  shared_.counters.received++;
  syn_arrives(s, listener, std::nullopt, now);
}

void Stack::arrives_late(TimeWait& wait, const Segment& s, Instant now) {
  shared_.counters.received++;
  const ListenerId listener = listener_of(s.tuple);
  const bool opens = s.has(kSyn) && !s.has(kAck | kRst | kFin);
  if (opens && listener != kNone && is_newer(wait, s)) {
    const Seq ended = wait.snd_nxt;
    time_waits_.forget(wait);
    return syn_arrives(s, listener, ended, now);
  }
  const auto reply = late_segment_arrives(shared_.settings, time_waits_, wait, s, shared_.counters, now);
  if (reply && !replies_.push(*reply)) shared_.counters.no_reply_left++;
}

void Stack::syn_arrives(const Segment& s, ListenerId listener, std::optional<Seq> ended, Instant now) {
  if (shared_.received.short_of_blocks()) {
    shared_.counters.no_memory_for_syn++;
    return;
  }
  if (half_open_ >= shared_.settings.half_open) return offer_cookie(s, now);
  const uint32_t index = insert(s.tuple);
  if (index == kNone) {
    shared_.counters.no_connection_left++;
    return;
  }
  Connection& c = connections_[index];
  open_passively(shared_, c, s, now);
  if (ended) begin_beyond(c, *ended);
  c.listener = listener;
  c.half_open = true;
  half_open_++;
  settle(index);
}

void Stack::offer_cookie(const Segment& s, Instant now) {
  if (!replies_.push(cookie_answer(shared_.settings, s, now))) {
    shared_.counters.syns_dropped++;
    return;
  }
  shared_.counters.cookies_sent++;
  cookies_until_ = now + kCookieLife;
}

// Looked at only while one of ours may come back: at other times a guess is worth nothing.
bool Stack::opens_by_cookie(const Segment& s, ListenerId listener, Instant now) {
  if (now > cookies_until_ || s.has(kSyn)) return false;
  const auto syn = syn_of_cookie(shared_.settings, s, now);
  if (!syn) {
    shared_.counters.cookies_refused++;
    return false;
  }
  const uint32_t index = shared_.received.short_of_blocks() ? kNone : insert(s.tuple);
  if (index == kNone) {
    (shared_.received.short_of_blocks() ? shared_.counters.no_memory_for_syn : shared_.counters.no_connection_left)++;
    return true;  // the peer sends again, and there may be room then
  }
  Connection& c = connections_[index];
  open_by_cookie(shared_, c, *syn, s.ack - 1, now);
  c.listener = listener;
  shared_.counters.cookies_accepted++;
  segment_arrives(shared_, c, s, now);
  settle(index);
  return true;
}

void Stack::error_arrives(const IcmpError& error, Instant now) {
  const uint32_t index = find_tuple(error.tuple);
  if (index == kNone) {
    shared_.counters.icmp_ignored++;
    return;
  }
  icmp_error_arrives(shared_, connections_[index], error, now);
  settle(index);
}

const Stack::Listener* Stack::listens_at(const Tuple& tuple) const {
  auto at = by_endpoint_.find({tuple.local, tuple.local_port});
  if (at == by_endpoint_.end()) at = by_endpoint_.find({IpAddress{}, tuple.local_port});
  return at == by_endpoint_.end() ? nullptr : &listeners_[at->second];
}

ListenerId Stack::listener_of(const Tuple& tuple) const {
  const Listener* const found = listens_at(tuple);
  return found == nullptr || found->leaves ? kNone : ListenerId(found - listeners_.data());
}

// RFC 9293 3.10.7.1.
void Stack::refuse(const Segment& s) {
  shared_.counters.no_connection++;
  Outgoing reply{.tuple = s.tuple, .flags = kRst};
  if (s.has(kAck)) {
    reply.seq = s.ack;
  } else {
    reply.ack = s.end();
    reply.flags |= kAck;
  }
  if (!replies_.push(reply)) shared_.counters.no_reply_left++;
}

void Stack::count_fault(SegmentFault fault) {
  Counters& counters = shared_.counters;
  switch (fault) {
    case SegmentFault::kCut:
      counters.cut++;
      return;
    case SegmentFault::kNotTcp:
      counters.not_tcp++;
      return;
    case SegmentFault::kFragment:
      counters.fragments++;
      return;
    case SegmentFault::kChecksum:
      counters.bad_checksum++;
      return;
    case SegmentFault::kAddress:
      counters.bad_address++;
      return;
  }
}

const uint32_t& Stack::bucket_of(const Tuple& t) const {
  const uint64_t hash = flow_hash_v6(shared_.settings.table_key, t.local.bytes.data(), t.remote.bytes.data(),
                                     t.local_port, t.remote_port, Protocol::kTcp);
  return buckets_[hash & (buckets_.size() - 1)];
}
uint32_t& Stack::bucket_of(const Tuple& tuple) {
  return const_cast<uint32_t&>(std::as_const(*this).bucket_of(tuple));
}

uint32_t Stack::find_tuple(const Tuple& tuple) const {
  uint32_t index = bucket_of(tuple);
  while (index != kNone && connections_[index].tuple != tuple) index = connections_[index].table_next;
  return index;
}

uint32_t Stack::insert(const Tuple& tuple) {
  const uint32_t index = connections_.take();
  if (index == kNone) return kNone;
  Connection& c = connections_[index];
  uint32_t& bucket = bucket_of(tuple);
  c.index = index;
  c.tuple = tuple;
  c.table_next = bucket;
  c.in_table = true;
  bucket = index;
  return index;
}

void Stack::remove_from_table(uint32_t index) {
  Connection& c = connections_[index];
  if (!c.in_table) return;
  uint32_t* link = &bucket_of(c.tuple);
  while (*link != index) link = &connections_[*link].table_next;
  *link = c.table_next;
  c.in_table = false;
}

void Stack::leave_half_open(Connection& c) {
  if (!c.half_open || c.state == State::kSynReceived) return;
  c.half_open = false;
  half_open_--;
}

void Stack::tell(uint32_t index) {
  Connection& c = connections_[index];
  if (c.in_events) return;
  c.in_events = true;
  (events_tail_ == kNone ? events_head_ : connections_[events_tail_].event_next) = index;
  events_tail_ = index;
}

void Stack::queue_output(uint32_t index) {
  Connection& c = connections_[index];
  if (c.in_output) return;
  c.in_output = true;
  (output_tail_ == kNone ? output_head_ : connections_[output_tail_].output_next) = index;
  output_tail_ = index;
}

// After anything that happened to a connection: it stands in the lists where it belongs, and ends when it is over.
void Stack::settle(uint32_t index, bool may_send) {
  Connection& c = connections_[index];
  const bool unknown = c.half_open || (c.state == State::kClosed && c.listener != kNone && !c.was_opened);
  leave_half_open(c);
  if (c.state == State::kTimeWait && c.orphan && !c.acknowledge_due) {  // nobody needs more of it than a few numbers
    time_waits_.add(c, shared_.settings, shared_.counters);
    end(shared_, c, Ending::kOrderly);
  }
  if (unknown && c.state == State::kClosed) c.events = 0;  // its owner never knew of it
  if (c.events) tell(index);
  if (c.state == State::kClosed) {
    remove_from_table(index);
    if (c.reset_due || c.stray_reset_due)
      queue_output(index);
    else if (c.orphan && !c.events && !c.in_events && !c.in_output)
      release(index);
    return;
  }
  if (may_send) queue_output(index);
  const Instant wanted = earliest(c);
  if (wanted == kNever || (!c.armed.never() && c.armed.not_after(wanted))) return;  // it fires early and looks again
  c.armed = Moment(wanted);
  wheel_.arm(c.timer, wanted);
}

void Stack::release(uint32_t index) {
  Connection& c = connections_[index];
  c.received.clear(shared_.received);
  std::destroy_at(&c);
  std::construct_at(&c);
  generations_[index]++;
  connections_.give(index);
}

}  // namespace cardea::l7::tcp
