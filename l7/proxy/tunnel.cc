#include "l7/proxy/tunnel.h"

#include "l7/proxy/exchange.h"
#include "l7/proxy/meter.h"
#include "l7/runtime/spawn.h"

namespace cardea::l7::proxy {
namespace {

constexpr std::chrono::seconds kLastWhile{10};

// One direction. Its coroutine is flat: two that waited side by side for children in one arena would free none of them.
struct Way {
  Stream& from;
  Stream& to;
  Input& first;
  uint64_t& bytes;
  Reason from_failed, to_failed;
};

void stop(Tunnel& t, Failure failed) {
  if (t.stopped) return;
  t.stopped = true;
  t.failure = failed;
  t.client.cancel();
  t.backend.cancel();
}

void end_last_while(LoopTimer& timer) {
  stop(static_cast<Tunnel&>(timer), failure(Reason::kServiceGone));
}

// True: go on. The other direction may have been busy meanwhile; what it writes has a pace of its own.
bool still_waiting(Tunnel& t, Wake wake) {
  const Instant now = t.client.loop().now();
  if (t.writing) t.active = now;
  if (wake == Wake::kTimeout && now >= t.active + t.idle_timeout) stop(t, failure(Reason::kIdleTimeout));
  return !t.stopped;
}

// True: all of it went.
bool note_written(Tunnel& t, Way& way, const IoResult& written) {
  --t.writing;
  way.bytes += written.bytes;
  t.carried();
  t.active = t.client.loop().now();
  if (!written.ok()) stop(t, failure(written.status == IoStatus::kTimeout ? Reason::kIdleTimeout : way.to_failed));
  return written.ok();
}

// True: others may give some back. Else the tunnel has ended meanwhile, or waited in vain.
bool may_wait_for_buffer(Tunnel& t, Instant until) {
  if (!t.stopped && t.client.loop().now() >= until) stop(t, failure(Reason::kMemory));
  return !t.stopped;
}

// One readable event. False: this direction has ended. An end that TLS did not announce is one all the same: bytes are
// carried here, not a protocol that could tell whether they are all.
bool take_some(Tunnel& t, Way& way, Buffer& buffer, std::string_view& text) {
  const IoResult read = way.from.try_read(std::as_writable_bytes(buffer.span()));
  way.from.spend(read.bytes);
  text = {buffer.span().data(), read.bytes};
  if (read.ok() || read.status == IoStatus::kWouldBlock) return true;
  if (read.status != IoStatus::kEnd) stop(t, failure(way.from_failed));
  if (read.status == IoStatus::kEnd && read.error != 0) t.truncated = true;
  return false;
}

Task<> pump(Tunnel& t, Way way) {
  Shard& shard = t.shard;
  Loop& loop = shard.loop();
  Pace pace({.stall = t.idle_timeout});
  Buffer buffer;
  std::string_view text = way.first.left();
  for (bool more = true;;) {
    if (t.stopped) co_return;  // before any wait: who stopped it could wake nobody who did not wait yet
    if (!text.empty()) {
      ++t.writing;
      const IoResult written = co_await way.to.write_all(text, pace);
      if (!note_written(t, way, written)) co_return;
      text = {};
    }
    way.first.drop();
    buffer = {};
    if (t.stopped) co_return;
    if (!more) break;
    const Wake wake = co_await way.from.readable(t.active + t.idle_timeout);
    if (wake != Wake::kReady) {
      if (!still_waiting(t, wake)) co_return;
      continue;
    }
    if (t.stopped) co_return;
    buffer = shard.buffers().take();
    if (!buffer) count(shard, shard.shared().rows.memory_waits);
    for (const Instant until = loop.now() + t.idle_timeout; !buffer; buffer = shard.buffers().take()) {
      if (!may_wait_for_buffer(t, until)) co_return;
      co_await loop.sleep_until(loop.now() + Buffers::kShortagePause);
    }
    if (t.stopped) co_return;
    more = take_some(t, way, buffer, text);
    if (t.stopped) co_return;
  }
  for (IoResult shut = way.to.shutdown_write(); shut.status == IoStatus::kWouldBlock; shut = way.to.shutdown_write()) {
    const Wake wake = co_await way.to.writable(loop.now() + t.idle_timeout);
    if (wake != Wake::kReady) co_return;
  }
}

// Whoever was given up is reset; to whom all was written it is still delivered.
Task<> close_client(Tunnel& t) {
  Stream& client = t.client;
  const size_t left = client.undelivered();
  const bool idle = !t.failure || t.failure.is(Reason::kIdleTimeout);
  if (!t.failure && left > kLeftToKernel) {
    co_await close_after_delivery(t.where, client, {.stall = t.idle_timeout}, kNever);
  } else {
    client.close(idle && left <= kLeftToKernel ? Close::kOrderly : Close::kReset);
  }
}

// A request's, whose limits count what it carries.
struct MeteredTunnel final : Tunnel {
  explicit MeteredTunnel(Exchange& of) : Tunnel(of.arena(), of.shard(), of.client(), of.caller.input, of.lease.stream()), x(of) {}
  void carried() override { meter_some(x, to_backend, to_client); }
  Exchange& x;
};

}  // namespace

Tunnel::Tunnel(Arena& in, Shard& its, Stream& from, Input& came, Stream& to)
    : LoopTimer(end_last_while), where(in), shard(its), client(from), ahead(came), backend(to) {}

void Tunnel::leave() {
  if (!armed() && !shard.passed_on()) client.loop().arm(*this, client.loop().now() + kLastWhile);
}

Task<> run(Tunnel& t, Occupant*& place, bool gone) {
  place = &t;
  if (gone) t.leave();
  t.active = t.client.loop().now();
  const Way up{t.client, t.backend, t.ahead, t.to_backend, Reason::kClientClosed, Reason::kBackendReset};
  const Way down{t.backend, t.client, t.first, t.to_client, Reason::kBackendReset, Reason::kClientClosed};
  co_await both(pump(t, up), pump(t, down));
  place = nullptr;
  t.cancel();
  co_await close_client(t);
}

namespace {

// A call that is let go is reset; what the backend has windows for by then is still its own.
Task<> deliver_rest(Exchange& x) {
  Stream& backend = x.lease.stream();
  const Instant until = x.now() + x.service.body_timeout;
  Wake taken = Wake::kReady;
  while (taken == Wake::kReady && !backend.ready(Direction::kWrite)) taken = co_await backend.writable(until);
  if (taken == Wake::kTimeout) x.failure = failure(Reason::kBackendStalled);
}

}  // namespace

Task<> tunnel_websocket(Exchange& x) {
  x.watch.stop();
  x.close = true;
  keep(x.record, x.arena());
  MeteredTunnel t(x);
  t.idle_timeout = x.service.idle_timeout;
  begin_answer(x);
  const IoResult sent = co_await x.client().write_all(x.answer.head, x.to_client);
  x.record.bytes_out += sent.bytes;
  if (!sent.ok()) {
    x.failure = client_failure(sent, Reason::kClientStalled, x.to_client);
    co_return;
  }
  t.first = std::move(x.response);
  x.response = {};
  co_await run(t, *x.caller.occupant, x.caller.leaves());
  x.record.bytes_out += t.to_client;
  x.record.bytes_in += t.to_backend;
  x.failure = t.failure;
  if (x.lease.http2() && !t.failure) co_await deliver_rest(x);
  if (t.truncated) x.record.detail = kTruncated;
  x.answer.reusable = false;
}

}  // namespace cardea::l7::proxy
