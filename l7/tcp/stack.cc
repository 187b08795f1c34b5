#include "l7/tcp/stack.h"

#include <algorithm>
#include <bit>

#include "l7/tcp/rooms.h"

namespace cardea::l7::tcp {
namespace {

constexpr uint32_t kBurst = 16;  // packets of one connection before another's turn

// The owner has read: whether the peer should hear of the room (RFC 9293 3.8.6.2.2). As Linux: when it doubles what the
// peer knows of, or opens what was shut.
bool worth_telling(const Connection& c) {
  const uint32_t gain = window_to_tell(c);
  const uint32_t known = after(c.rcv_edge, c.rcv_nxt()) ? c.rcv_edge - c.rcv_nxt() : 0;
  return c.may_receive() && gain >= std::min(send_mss(c), c.capacity / 2) && gain >= known;
}

// Twice what is read in a round trip, so that the peer may send at twice the rate (as Linux' auto-tuning).
void tune_capacity(Resources& shared, Connection& c, Instant now) {
  if (c.tune_at.since(now) < c.rtt.smoothed()) return;
  const uint32_t read = c.received.read() - c.tune_from;
  c.tune_at = Moment(now);
  c.tune_from = c.received.read();
  const uint64_t wanted = std::min<uint64_t>(2 * uint64_t{read} + 16 * send_mss(c), shared.settings.receive_window_max);
  if (wanted <= c.capacity) return;
  if (shared.received.tight())
    shared.counters.windows_kept_small++;
  else
    c.capacity = uint32_t(wanted);
}

}  // namespace

Stack::Stack(const Settings& settings, Instant start)
    : shared_(settings),
      connections_(settings.connections),
      generations_(settings.connections, 1),
      buckets_(std::bit_ceil(std::max(settings.connections, 1u)), kNone),
      replies_(settings.replies),
      time_waits_(settings.time_waits, settings.table_key),
      wheel_(start) {}

std::expected<ListenerId, OpenFault> Stack::listen(const Endpoint& endpoint) {
  if (const auto there = by_endpoint_.find(endpoint); there != by_endpoint_.end() && !listeners_[there->second].leaves)
    return std::unexpected(OpenFault::kTupleInUse);
  auto at = std::find_if(listeners_.begin(), listeners_.end(), [](const Listener& l) { return !l.active; });
  if (at == listeners_.end()) {
    if (listeners_.size() == shared_.settings.listeners) return std::unexpected(OpenFault::kNoListenerLeft);
    at = listeners_.emplace(listeners_.end());
  }
  *at = {.endpoint = endpoint, .active = true};
  const auto id = ListenerId(at - listeners_.begin());
  by_endpoint_[endpoint] = id;
  return id;
}

void Stack::answer_no_more(ListenerId id) {
  if (id < listeners_.size()) listeners_[id].leaves = true;
}

void Stack::stop_listening(ListenerId id) {
  if (id >= listeners_.size() || !listeners_[id].active) return;
  const auto at = by_endpoint_.find(listeners_[id].endpoint);
  if (at != by_endpoint_.end() && at->second == id) by_endpoint_.erase(at);
  listeners_[id].active = false;
  for (uint32_t i = 0; i < connections_.made(); i++) {
    Connection& c = connections_[i];
    if (!c.half_open || c.listener != id) continue;
    tcp::abort(shared_, c);
    settle(i);
  }
}

std::expected<ConnectionId, OpenFault> Stack::connect(const Endpoint& local, const Endpoint& remote, Instant now) {
  const Tuple tuple{local.address, remote.address, local.port, remote.port};
  const bool usable = local.port && remote.port && local != remote && may_be_peer(remote.address) &&
                      local.address.family() == remote.address.family();
  if (!usable) return std::unexpected(OpenFault::kBadTuple);
  TimeWait* const wait = time_waits_.find(tuple, now);
  if (find_tuple(tuple) != kNone || (wait && !may_dial_anew(shared_.settings, *wait, now)))
    return std::unexpected(OpenFault::kTupleInUse);
  const uint32_t index = insert(tuple);
  if (index == kNone) {
    shared_.counters.no_connection_left++;
    return std::unexpected(OpenFault::kNoConnectionLeft);
  }
  open_actively(shared_, connections_[index], tuple, now);
  if (wait) {
    begin_beyond(connections_[index], wait->snd_nxt);
    time_waits_.forget(*wait);
    shared_.counters.time_waits_reused++;
  }
  settle(index);
  return ConnectionId{index, generations_[index]};
}

size_t Stack::write(ConnectionId id, Bytes bytes, Instant now) {
  Connection* c = lookup(id);
  if (!c || c->fin_wanted || c->state == State::kClosed) return 0;
  const uint32_t used = c->written.size(), most = shared_.settings.send_queue_max;
  const size_t count = std::min<size_t>(bytes.size(), most > used ? most - used : 0);
  if (count == 0 || !c->written.push(shared_.pieces, bytes.first(count))) return 0;
  c->snd_end += uint32_t(count);
  if (c->synchronized()) arm_for_data(shared_, *c, false, now);
  settle(id.index);
  return count;
}

Bytes Stack::front(ConnectionId id) const {
  const Connection* c = find(id);
  return c ? c->received.front(shared_.received) : Bytes{};
}

void Stack::consume(ConnectionId id, size_t count, Instant now) {
  Connection* c = lookup(id);
  if (!c || count == 0) return;
  c->received.consume(shared_.received, uint32_t(count));
  tune_capacity(shared_, *c, now);
  if (worth_telling(*c)) c->acknowledge_due = true;
  settle(id.index);
}

void Stack::finish(ConnectionId id, Instant now) {
  Connection* c = lookup(id);
  if (!c || c->fin_wanted || c->state == State::kClosed) return;
  c->fin_wanted = true;
  if (c->state == State::kSynSent)
    end(shared_, *c, Ending::kAborted);
  else if (c->synchronized())
    arm_for_data(shared_, *c, false, now);
  settle(id.index);
}

void Stack::abort(ConnectionId id, Instant) {
  if (Connection* c = lookup(id)) {
    tcp::abort(shared_, *c);
    settle(id.index);
  }
}

void Stack::close(ConnectionId id, Instant now) {
  Connection* c = lookup(id);
  if (!c || c->orphan) return;
  c->orphan = true;
  if (c->received.readable() > 0) tcp::abort(shared_, *c);
  if (c->state == State::kFinWait2) c->deadline(Deadline::kEnd) = now + shared_.settings.fin_wait_2;
  finish(id, now);
  settle(id.index);
}

const Connection* Stack::find(ConnectionId id) const {
  const bool alive = id.index < connections_.made() && generations_[id.index] == id.generation;
  return alive ? &connections_[id.index] : nullptr;
}

Connection* Stack::lookup(ConnectionId id) {
  return const_cast<Connection*>(find(id));
}

void Stack::set_nagle(ConnectionId id, bool nagle) {
  Connection* c = lookup(id);
  if (!c) return;
  c->nagle = nagle;
  if (!nagle) settle(id.index);  // what it held back goes
}

size_t Stack::transmit(MutableBytes room, Instant now) {
  if (!replies_.empty()) {
    const Outgoing& reply = replies_.front();
    const size_t size = headers_size(reply);
    write_headers(reply, room.first(size));
    replies_.pop();
    shared_.counters.sent++;
    return size;
  }
  while (output_head_ != kNone) {
    const uint32_t index = output_head_;
    Connection& c = connections_[index];
    const size_t size = next_packet(shared_, c, room, now);
    const bool turn_over = size == 0 || ++burst_ == kBurst;
    if (turn_over) {
      burst_ = 0;
      output_head_ = c.output_next;
      if (output_head_ == kNone) output_tail_ = kNone;
      c.in_output = false;
      c.output_next = kNone;
      if (size) queue_output(index);
    }
    settle(index, false);
    if (size) return size;
  }
  return 0;
}

std::optional<Notice> Stack::next_notice() {
  while (events_head_ != kNone) {
    const uint32_t index = events_head_;
    Connection& c = connections_[index];
    events_head_ = c.event_next;
    if (events_head_ == kNone) events_tail_ = kNone;
    c.in_events = false;
    c.event_next = kNone;
    const Notice notice{{index, generations_[index]}, c.events, c.ending, c.listener};
    c.events = 0;
    settle(index, false);
    return notice;
  }
  return std::nullopt;
}

void Stack::advance(Instant now) {
  if (time_waits_.due() <= now) time_waits_.expire(now);
  wheel_.advance(now, [&](TimerWheel::Timer& timer) {
    auto* c = reinterpret_cast<Connection*>(reinterpret_cast<char*>(&timer) - offsetof(Connection, timer));
    c->armed = {};
    deadlines_come(shared_, *c, now);
    settle(c->index);
  });
}

}  // namespace cardea::l7::tcp
