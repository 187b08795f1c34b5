#include "l7/http2/serve.h"

#include <algorithm>
#include <utility>

#include "l7/http2/server.h"
#include "l7/proxy/linger.h"
#include "l7/proxy/record.h"

namespace cardea::l7::http2 {
namespace {

using proxy::Buffer;
using proxy::Buffers;

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr size_t kMethodBytes = 4;   // of the preface: what tells it from any request of HTTP/1

// Nothing came for as long as could be waited.
void time_out(Server& s) {
  const Instant now = s.loop().now();
  const ServicePlan& plan = *s.connection.service().now().plan;
  const bool slow = !s.saw_settings || (s.block.open() && now >= s.block_since + plan.request_timeout);
  if (slow) {
    count(s.connection.shard(), plan.rows.slow_clients);
    return s.end();
  }
  s.leave_for_good();
}

void take_in(Server& s, std::string_view bytes) {
  s.take_in(bytes);
  if (s.ended) return s.end();
  s.start_calls();
}

// One readable event.
void read_some(Server& s, Buffer buffer) {
  Stream& client = s.connection.stream();
  const IoResult got = client.try_read(std::as_writable_bytes(buffer.span()));
  client.spend(got.bytes);
  if (got.status == IoStatus::kWouldBlock) return;
  if (!got.ok()) return s.end();
  take_in(s, {buffer.span().data(), got.bytes});
}

// No more of a head is read than there is memory for. False: the oldest of them, this one where there is no other, gives
// way in this turn.
bool hold_block(Server& s) {
  if (!s.block.open()) return true;
  proxy::Shard& shard = s.connection.shard();
  if (s.block.hold()) {
    if (!s.unfinished.linked()) shard.add_unfinished(s.unfinished);
    return true;
  }
  if (!shard.make_room()) s.give_way();
  return false;
}

Task<> read(Server& s) {
  proxy::Connection& c = s.connection;
  if (!c.input.empty()) take_in(s, c.input.left());
  c.input.drop();
  while (!s.ended) {
    if (std::exchange(s.unfinished.gives_way, false)) s.give_way();
    if (!hold_block(s)) {
      co_await s.loop().yield();
      continue;
    }
    if (s.is_behind()) {
      co_await s.changed.wait();
      continue;
    }
    const Wake wake = co_await c.stream().readable(s.deadline());
    if (wake == Wake::kTimeout) time_out(s);
    if (wake != Wake::kReady) continue;
    Buffer buffer = c.shard().buffers().take_for_new(Buffers::kPiece);
    if (buffer) {
      read_some(s, std::move(buffer));
    } else {
      c.shard().make_room();
      co_await s.loop().sleep_until(s.loop().now() + Buffers::kShortagePause);
    }
  }
}

void record_flood(Server& s) {
  proxy::Connection& c = s.connection;
  proxy::Record record = begin_record(c, *c.service().now().plan, c.service().plan->plan->generation);
  record.protocol = "HTTP/2.0";
  record.reason = "http2_flood";
  record.detail = s.flood;
  record.began = s.began;
  record.ended = s.loop().now();
  write_line(c.shard(), record);
}

}  // namespace

Preface begins_preface(std::string_view came) {
  const size_t known = std::min(came.size(), kMethodBytes);
  if (came.substr(0, known) != kPreface.substr(0, known)) return Preface::kNo;
  return known == kMethodBytes ? Preface::kYes : Preface::kPerhaps;
}

Task<> serve(proxy::Connection& c) {
  bool said_goodbye = false;
  {
    Server s(c);
    co_await both(read(s), write_frames(s.arena(), s, c.service().now().plan->client_pace()));
    s.break_calls();
    while (s.calls_live != 0) co_await s.changed.wait();
    said_goodbye = s.session.over();
    if (!s.flood.empty()) record_flood(s);
  }
  if (said_goodbye) co_await proxy::linger(c.arena(), c, c.stream(), proxy::kLinger);
}

}  // namespace cardea::l7::http2
