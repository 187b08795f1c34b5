#include "l7/http1/session.h"

#include <algorithm>

#include "l7/http1/client_end.h"
#include "l7/http1/read_head.h"
#include "l7/http2/serve.h"
#include "l7/proxy/exchange.h"
#include "l7/proxy/linger.h"
#include "l7/proxy/listener.h"

namespace cardea::l7::http1 {
namespace {

using proxy::Buffers;
using proxy::Connection;
using proxy::count;
using proxy::Exchange;
using proxy::kLeaveTime;
using proxy::UnfinishedHead;

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

// A service that is gone takes the first request of who came late, and one more where another process serves on: it may
// be on its way, and its answer says that it was the last.
bool may_still_ask(const Connection& c) {
  return (!c.service().gone || c.late || c.shard().passed_on()) && !c.lost_own();
}

// Until the first bytes of a request are in the input. That a stream is readable is no proof that something will come,
// least of all of one that was just accepted: who says nothing holds no buffer, and counts as idle.
Task<Came> wait_for_request(Arena&, Connection& c, std::chrono::milliseconds timeout) {
  if (!c.input.empty()) co_return Came::kSomething;
  c.input.drop();
  const Instant deadline = c.loop().now() + (c.late ? std::min(timeout, kLeaveTime) : timeout);
  UnfinishedHead unfinished(c.stream());
  while (may_still_ask(c)) {
    c.idle = true;
    const Wake wake = co_await c.stream().readable(deadline);
    c.idle = false;
    // Cancelled otherwise: what came before the service went is still answered.
    if (wake == Wake::kTimeout || unfinished.gives_way) break;
    IoStatus status = IoStatus::kWouldBlock;
    Came came = try_read(c, status);
    while (came == Came::kNoBuffer && c.shard().make_room()) {
      co_await c.loop().yield();
      came = try_read(c, status);
    }
    if (came != Came::kNothing) co_return came;
    if (status != IoStatus::kWouldBlock) break;
    if (!note_record(c, unfinished)) break;
  }
  co_return Came::kNothing;
}

// What becomes of the connection behind an exchange.
enum class Next : uint8_t {
  kGoOn,
  kClose,
  kLinger,  // something of the client's may be on its way, which must not be met with a reset before it read our answer
  kUnknownComes,  // the same of a head that was refused or not read: what is behind it, if anything
  kBodyComes,     // the same of a request whose body is not whole
};
Next next(const Exchange& x) {
  if (!x.close) return Next::kGoOn;
  if (!x.upload.complete) {
    if (gave_up_on_client(x.failure)) return Next::kLinger;
    return x.body_at == 0 ? Next::kUnknownComes : Next::kBodyComes;
  }
  return x.caller.input.empty() ? Next::kClose : Next::kLinger;
}

// Behind an answer that the client has to read while it may still send.
Task<> linger(Connection& c, Next next) {
  const std::chrono::milliseconds pause = c.service().now().plan->body_timeout;
  if (next == Next::kLinger) return proxy::linger(c.arena(), c, c.stream(), proxy::kLinger);
  const uint64_t bytes_max = next == Next::kUnknownComes ? proxy::kUnknown : UINT64_MAX;
  return proxy::linger(c.arena(), c, c.stream(), pause, bytes_max);
}

// Short of buffers: the client is told so without one.
Task<> refuse(Arena&, Connection& c) {
  constexpr std::string_view kText =
      "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nProxy-Status: cardea; error=proxy_internal_error; "
      "details=\"memory\"\r\nConnection: close\r\n\r\n";
  count(c.shard(), c.shard().shared().rows.memory_refused);
  const Instant deadline = c.loop().now() + proxy::kLinger;
  const IoResult told = co_await c.stream().write_all(kText, deadline);
  if (told.ok()) co_await linger(c, Next::kUnknownComes);
}

Task<Next> exchange(Arena&, Connection& c) {
  ClientEnd end(c);
  Exchange x{proxy::Caller(c, end)};
  co_await read_head(x);
  co_await carry_out(x);
  co_return next(x);
}

using http2::Preface;

// Whether the connection begins as HTTP/2 does (RFC 9113 3.3), where that is spoken.
Preface preface(Connection& c) {
  const bool may = c.service().now().plan->http2 && !c.tls();
  return may ? http2::begins_preface(c.input.left()) : Preface::kNo;
}

// The first bytes were too few to tell.
Task<Preface> read_preface(Arena&, Connection& c, Instant deadline) {
  Preface found = Preface::kPerhaps;
  while (found == Preface::kPerhaps) {
    const IoResult got = co_await c.stream().read(c.input.room(), deadline);
    if (!got.ok()) co_return Preface::kNo;
    c.input.end += got.bytes;
    found = preface(c);
  }
  co_return found;
}

}  // namespace

Task<bool> serve(Connection& c) {
  std::chrono::milliseconds timeout = c.service().now().plan->request_timeout;
  for (bool first = true;; first = false) {
    const Came came = co_await wait_for_request(c.arena(), c, timeout);
    if (came == Came::kNothing) co_return false;
    if (came == Came::kNoBuffer) {
      co_await refuse(c.arena(), c);
      co_return false;
    }
    c.late = false;
    Preface begins = first ? preface(c) : Preface::kNo;
    if (begins == Preface::kPerhaps) begins = co_await read_preface(c.arena(), c, c.loop().now() + timeout);
    if (begins == Preface::kYes) co_return true;
    const Next next = co_await exchange(c.exchange_arena(), c);
    c.exchange_arena().reset();
    if (next == Next::kClose) co_return false;
    timeout = c.service().now().plan->idle_timeout;
    if (next == Next::kGoOn) continue;
    c.drop_own();
    c.input.drop();  // nobody reads it any more
    co_await linger(c, next);
    co_return false;
  }
}

}  // namespace cardea::l7::http1
