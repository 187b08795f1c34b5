// A client's connection from its first byte to its last: the TLS handshake, then exchange after exchange. Between them
// it waits without a buffer.
#include <algorithm>

#include "l7/proxy/exchange.h"
#include "l7/proxy/listener.h"
#include "l7/proxy/record.h"
#include "l7/proxy/tunnel.h"
#include "l7/runtime/close_after_delivery.h"

namespace cardea::l7::proxy {
namespace {

constexpr std::chrono::seconds kLinger{2};  // how long a client that is done sending has to read and close

constexpr uint64_t kUnannounced = 1 << 20;  // bytes of a client that has not said that it will send more

// Closes behind an answer so that it is read. `pause`: how long at a time nothing may come of a client that still
// sends.
Task<> linger(Arena& arena, Connection& c, Stream& stream, std::chrono::milliseconds pause,
              uint64_t bytes_max = kUnannounced) {
  const ServicePlan& service = *c.service().now().plan;
  const PaceLimits limits{pause, service.rate_min, service.rate_window};
  const auto longest = std::max<std::chrono::milliseconds>(service.linger_timeout, kLinger);
  co_await close_after_delivery(arena, stream, limits, c.loop().now() + longest, bytes_max);
}

constexpr std::string_view kPlainToTls =
    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 22\r\n"
    "Connection: close\r\n\r\nBad Request: not_tls\r\n";

void record_handshake(Connection& c, const ShardPlan::Service& service, uint64_t generation, const tls::Handshake& done,
                      Instant began) {
  Record record = begin_record(c, *service.plan, generation);
  record.protocol = "tls";
  record.reason = word(done.failure);
  record.detail = done.detail;
  record.began = began;
  record.ended = c.loop().now();
  write_line(c.shard(), record);
}

// Who spoke plain HTTP and heard nothing yet is told in plain HTTP; inside a TLS conversation the alert is the answer
// (RFC 8446 6.2), and must not be lost to what we leave unread.
Task<> tell_why(Arena& arena, Connection& c, const tls::Handshake& done, Mode mode) {
  const Instant deadline = c.loop().now() + kLinger;
  if (done.plain_text && mode == Mode::kHttp) {
    const IoResult told = co_await c.socket().write_all(kPlainToTls, deadline);
    if (!told.ok()) co_return;
  } else if (!done.spoke || done.failure == tls::Failure::kClosed) {
    co_return;
  }
  co_await linger(arena, c, c.socket(), kLinger);
}

// True: TLS is up.
Task<bool> shake_hands(Arena& arena, Connection& c) {
  const ShardPlanPointer plan = c.service().plan;  // whose context the handshake uses
  const ShardPlan::Service& service = c.service().now();
  const ServiceRows& rows = service.plan->rows;
  const Instant began = c.loop().now();
  if (!service.tls) {  // its context could not be made, which is logged: never plain text instead
    count(c.shard(), rows.handshakes_failed);
    co_return false;
  }
  tls::TlsStream& stream = c.start_tls(*service.tls);
  const tls::Handshake done = co_await stream.handshake(began + service.plan->request_timeout);
  if (done.ok()) {
    count(c.shard(), rows.handshakes);
    if (stream.resumed()) count(c.shard(), rows.handshakes_resumed);
    co_return true;
  }
  count(c.shard(), rows.handshakes_failed);
  record_handshake(c, service, plan->plan->generation, done, began);
  co_await tell_why(arena, c, done, service.plan->mode);
  co_return false;
}

enum class Came : uint8_t { kSomething, kNothing, kNoBuffer };

// More came than a first buffer holds: a large head, a body behind a small one, requests in a row.
void read_on(Connection& c) {
  if (!c.input.move_to(c.shard().buffers().take_for_new(Buffers::kPiece))) return;
  const IoResult more = c.stream().try_read(c.input.room());
  c.input.end += more.bytes;
}

// The first read of a request, where there is something to read.
Came try_read(Connection& c, IoStatus& status) {
  c.input.buffer = c.shard().buffers().take_for_new();
  if (!c.input.buffer) return Came::kNoBuffer;
  const IoResult got = c.stream().try_read(c.input.room());
  status = got.status;
  if (!got.ok()) {
    c.input.drop();
    return Came::kNothing;
  }
  c.stream().spend(got.bytes);
  c.input.end += got.bytes;
  if (c.input.full()) read_on(c);
  return Came::kSomething;
}

// What is not whole of a TLS record holds memory as a head does that is not whole, and gives way as that does.
// False: this is the oldest of too many.
bool note_record(Connection& c, UnfinishedHead& unfinished) {
  if (!c.tls() || !c.tls()->holds_record()) {
    unfinished.unlink();
    return true;
  }
  if (!unfinished.linked()) c.shard().add_unfinished(unfinished);
  if (c.shard().buffers().overdrawn()) c.shard().end_oldest_head();
  return !unfinished.gives_way;
}

// Until the first bytes of a request are in the input. That a stream is readable is no proof that something will come,
// least of all of one that was just accepted: who says nothing holds no buffer, and counts as idle.
Task<Came> wait_for_request(Arena&, Connection& c, std::chrono::milliseconds timeout) {
  if (!c.input.empty()) co_return Came::kSomething;
  c.input.drop();
  const Instant deadline = c.loop().now() + (c.late ? std::min(timeout, kLeaveTime) : timeout);
  UnfinishedHead unfinished(c.stream());
  while ((!c.service().gone || c.late) && !c.lost_own()) {
    c.idle = true;
    const Wake wake = co_await c.stream().readable(deadline);
    c.idle = false;
    // Cancelled otherwise: what came before the service went is still answered.
    if (wake == Wake::kTimeout || unfinished.gives_way) break;
    IoStatus status = IoStatus::kWouldBlock;
    Came came = try_read(c, status);
    while (came == Came::kNoBuffer && c.shard().end_oldest_head()) {
      co_await c.loop().yield();
      came = try_read(c, status);
    }
    if (came != Came::kNothing) co_return came;
    if (status != IoStatus::kWouldBlock) break;
    if (!note_record(c, unfinished)) break;
  }
  co_return Came::kNothing;
}

// Short of buffers: the client is told so without one.
Task<> refuse(Arena& arena, Connection& c) {
  constexpr std::string_view kText =
      "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nProxy-Status: cardea; error=proxy_internal_error; "
      "details=\"memory\"\r\nConnection: close\r\n\r\n";
  count(c.shard(), c.shard().shared().rows.memory_refused);
  const Instant deadline = c.loop().now() + kLinger;
  const IoResult told = co_await c.stream().write_all(kText, deadline);
  if (told.ok()) co_await linger(arena, c, c.stream(), c.service().now().plan->body_timeout);
}

Task<> serve_http(Connection& c) {
  std::chrono::milliseconds timeout = c.service().now().plan->request_timeout;
  for (;;) {
    const Came came = co_await wait_for_request(c.arena(), c, timeout);
    if (came == Came::kNothing) co_return;
    if (came == Came::kNoBuffer) {
      co_await refuse(c.arena(), c);
      co_return;
    }
    c.late = false;
    const Next next = co_await exchange(c.exchange_arena(), c);
    c.exchange_arena().reset();
    if (next == Next::kClose) co_return;
    timeout = c.service().now().plan->idle_timeout;
    if (next == Next::kGoOn) continue;
    c.drop_own();
    c.input.drop();  // nobody reads it any more
    if (next == Next::kLinger) {
      co_await linger(c.arena(), c, c.stream(), kLinger);
    } else {
      co_await linger(c.arena(), c, c.stream(), c.service().now().plan->body_timeout, UINT64_MAX);
    }
    co_return;
  }
}

}  // namespace

Task<> serve(Connection& c) {
  if (c.service().now().plan->has_tls()) {
    const bool secure = co_await shake_hands(c.arena(), c);
    if (!secure) co_return;
  }
  if (c.service().now().plan->mode == Mode::kTcp) {
    co_await serve_tcp(c);
  } else {
    co_await serve_http(c);
    if (c.stream().undelivered() > kLeftToKernel)
      co_await linger(c.arena(), c, c.stream(), c.service().now().plan->body_timeout);
  }
  c.stream().close(Close::kOrderly);
}

}  // namespace cardea::l7::proxy
