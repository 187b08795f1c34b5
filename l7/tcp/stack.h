// A TCP without I/O: whoever owns it hands in packets and the time, and fetches packets, notices and the time at which
// it wants to be asked again. Nothing is allocated after start but for listeners; every limit is a number in Settings,
// and what meets one is counted. One owner, no locks.
//
// The owner's part: after receive(), advance() or any call about a connection, fetch packets with transmit() until
// there are none or the wire is full, and notices with next_notice(). Bytes that are written stay the owner's memory
// and must not change until `acknowledged` of the connection has passed them.
#pragma once

#include <expected>
#include <map>
#include <optional>

#include "l7/tcp/connection.h"
#include "l7/tcp/icmp_error.h"
#include "l7/tcp/ring.h"
#include "l7/tcp/time_waits.h"

namespace cardea::l7::tcp {

struct ConnectionId {
  uint32_t index = kNone, generation = 0;
  bool operator==(const ConnectionId&) const = default;
};
using ListenerId = uint32_t;

struct Notice {
  ConnectionId id;
  uint8_t events = 0;            // of Event
  Ending ending = Ending::kNot;  // with kEnded
  ListenerId listener = kNone;   // of a connection that a peer opened
};

enum class OpenFault : uint8_t { kTupleInUse, kNoConnectionLeft, kBadTuple, kNoListenerLeft };

class Stack {
 public:
  Stack(const Settings& settings, Instant start);

  // An unspecified address stands for all of this host; the exact one goes before it.
  std::expected<ListenerId, OpenFault> listen(const Endpoint& endpoint);
  // No new handshake is answered, nor refused: who begins one tries again, and meets whoever listens then. Those under
  // way go on. The endpoint is free for another listener.
  void answer_no_more(ListenerId id);
  // Connections that it opened stay; handshakes under way end.
  void stop_listening(ListenerId id);
  // RFC 9293 3.10.1. The tuple must be this host's and free; one that is its own peer's is refused.
  std::expected<ConnectionId, OpenFault> connect(const Endpoint& local, const Endpoint& remote, Instant now);

  // How many of the bytes were queued: fewer when the queue is full, none after finish().
  size_t write(ConnectionId id, Bytes bytes, Instant now);
  // The first bytes that came, as far as they lie together; valid until the next call about this connection.
  Bytes front(ConnectionId id) const;
  void consume(ConnectionId id, size_t count, Instant now);
  // All is written: a FIN follows (RFC 9293 3.10.4). Reading goes on.
  void finish(ConnectionId id, Instant now);
  // A reset, and nothing more.
  void abort(ConnectionId id, Instant now);
  // The owner leaves (RFC 1122 4.2.2.13): what was written still goes, followed by a FIN; a reset goes instead where
  // something was not read, or when more comes. Notices go on until kEnded, so that it is known when lent bytes are
  // free.
  void close(ConnectionId id, Instant now);
  // Null when there is no such connection any more.
  const Connection* find(ConnectionId id) const;
  void set_nagle(ConnectionId id, bool nagle);

  // One IP packet off the wire; not kept.
  void receive(Bytes packet, Instant now, Checksum checksum = Checksum::kUnknown);
  // Writes one IP packet into `room`, which holds an MTU; 0 when none wants to leave.
  size_t transmit(MutableBytes room, Instant now);
  std::optional<Notice> next_notice();

  // When advance() wants to be called; Instant::max() when no time is waited for.
  Instant next() { return std::min(wheel_.next(), time_waits_.due()); }
  void advance(Instant now);

  const Counters& counters() const { return shared_.counters; }
  const Resources& resources() const { return shared_; }
  uint32_t connections() const { return connections_.lent(); }
  uint32_t half_open() const { return half_open_; }
  // Remembered behind connections that are over (TimeWaits), not counted among them.
  uint32_t time_waits() const { return time_waits_.count(); }
  // visit(const Connection&) for each that is not over.
  template <typename Visit>
  void each(Visit&& visit) const {
    for (uint32_t i = 0; i < connections_.made(); i++)
      if (connections_[i].in_table) visit(connections_[i]);
  }

 private:
  struct Listener {
    Endpoint endpoint;
    bool active = false;
    bool leaves = false;
  };

  Connection* lookup(ConnectionId id);
  uint32_t find_tuple(const Tuple& tuple) const;
  uint32_t& bucket_of(const Tuple& tuple);
  const uint32_t& bucket_of(const Tuple& tuple) const;
  uint32_t insert(const Tuple& tuple);
  void remove_from_table(uint32_t index);
  void release(uint32_t index);
  void settle(uint32_t index, bool may_send = true);
  void leave_half_open(Connection& c);
  void tell(uint32_t index);
  void queue_output(uint32_t index);
  void arrives_without_connection(const Segment& segment, Instant now);
  void arrives_late(TimeWait& wait, const Segment& segment, Instant now);
  void give_up_gaps();
  void syn_arrives(const Segment& segment, ListenerId listener, std::optional<Seq> ended, Instant now);
  void offer_cookie(const Segment& segment, Instant now);
  bool opens_by_cookie(const Segment& segment, ListenerId listener, Instant now);
  void error_arrives(const IcmpError& error, Instant now);
  bool reopens(const Connection& c, const Segment& segment) const;
  const Listener* listens_at(const Tuple& tuple) const;  // null: nobody
  ListenerId listener_of(const Tuple& tuple) const;      // that answers; kNone: there is none
  void refuse(const Segment& segment);
  void count_fault(SegmentFault fault);

  Resources shared_;
  Pool<Connection> connections_;
  std::vector<uint32_t> generations_;
  std::vector<uint32_t> buckets_;
  std::vector<Listener> listeners_;
  std::map<Endpoint, ListenerId> by_endpoint_;
  Ring<Outgoing> replies_;
  TimeWaits time_waits_;
  uint32_t events_head_ = kNone, events_tail_ = kNone, output_head_ = kNone, output_tail_ = kNone;
  uint32_t burst_ = 0, half_open_ = 0, gaps_from_ = 0;
  Instant cookies_until_{};  // a cookie that was sent may come back until then
  TimerWheel wheel_;
};

}  // namespace cardea::l7::tcp
