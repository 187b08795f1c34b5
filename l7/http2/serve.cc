#include "l7/http2/serve.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "l7/http2/server.h"
#include "l7/proxy/linger.h"
#include "l7/proxy/record.h"

namespace cardea::l7::http2 {
namespace {

using proxy::Buffer;
using proxy::Buffers;

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr size_t kMethodBytes = 4;   // of the preface: what tells it from any request of HTTP/1
constexpr size_t kQueuedMax = 1000;  // frames that wait to be written, before more are read

// Whoever reads and whoever writes end together.
void end(Server& s) {
  s.ended = true;
  s.session.wake_writer();
  s.changed.raise();
  s.connection.stream().cancel();
}

// Small frames go out together, a large one from where the session has it. Flat: it waits beside the reader in one
// arena.
Task<> write(Server& s) {
  Stream& client = s.connection.stream();
  Pace pace(s.connection.service().now().plan->client_pace());
  while (!s.ended) {
    co_await s.session.output();
    Buffer gathered = s.connection.shard().buffers().take();
    const std::span<char> room = gathered ? gathered.span() : std::span<char>();
    size_t used = 0;
    for (bool more = true; more && !s.ended;) {
      const std::string_view frame = s.session.next_output();
      more = !frame.empty();
      if (more && frame.size() <= room.size() - used) {
        std::memcpy(room.data() + used, frame.data(), frame.size());
        used += frame.size();
        continue;
      }
      std::array<iovec, 2> pieces{iovec{room.data(), used}, iovec{const_cast<char*>(frame.data()), frame.size()}};
      const IoResult written = co_await client.write_all(std::span(pieces), pace);
      used = 0;
      if (!written.ok()) end(s);
    }
    s.changed.raise();
    if (s.session.over()) end(s);
  }
}

// Nothing came for as long as could be waited.
void time_out(Server& s) {
  const Instant now = s.loop().now();
  const ServicePlan& plan = *s.connection.service().now().plan;
  const bool slow = !s.saw_settings || (s.block_open && now >= s.block_since + plan.request_timeout);
  if (slow) {
    count(s.connection.shard(), plan.rows.slow_clients);
    return end(s);
  }
  s.leave_for_good();
}

void take_in(Server& s, std::string_view bytes) {
  s.take_in(bytes);
  if (s.ended) return end(s);
  s.start_calls();
}

// One readable event.
void read_some(Server& s, Buffer buffer) {
  Stream& client = s.connection.stream();
  const IoResult got = client.try_read(std::as_writable_bytes(buffer.span()));
  client.spend(got.bytes);
  if (got.status == IoStatus::kWouldBlock) return;
  if (!got.ok()) return end(s);
  take_in(s, {buffer.span().data(), got.bytes});
}

Task<> read(Server& s) {
  proxy::Connection& c = s.connection;
  if (!c.input.empty()) take_in(s, c.input.left());
  c.input.drop();
  while (!s.ended) {
    if (s.session.queued() > kQueuedMax) {
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
    co_await both(read(s), write(s));
    s.break_calls();
    while (s.calls_live != 0) co_await s.changed.wait();
    said_goodbye = s.session.over();
    if (!s.flood.empty()) record_flood(s);
  }
  if (said_goodbye) co_await proxy::linger(c.arena(), c, c.stream(), proxy::kLinger);
}

}  // namespace cardea::l7::http2
