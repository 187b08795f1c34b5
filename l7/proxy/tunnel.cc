#include "l7/proxy/tunnel.h"

#include "l7/proxy/exchange.h"
#include "l7/runtime/spawn.h"

namespace cardea::l7::proxy {
namespace {

constexpr std::chrono::seconds kLastWhile{10};

// One direction.
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
  t.connection.stream().cancel();
  t.backend.cancel();
}

void end_last_while(LoopTimer& timer) {
  stop(static_cast<Tunnel&>(timer), failure(Reason::kServiceGone));
}

// True: go on. The other direction may have been busy meanwhile.
bool still_waiting(Tunnel& t, Wake wake) {
  if (wake == Wake::kTimeout && t.connection.loop().now() >= t.active + t.idle_timeout) {
    stop(t, failure(Reason::kIdleTimeout));
  }
  return !t.stopped;
}

Task<bool> write(Tunnel& t, Way& way, std::string_view text) {
  const Instant deadline = t.connection.loop().now() + t.idle_timeout;
  const IoResult written = co_await way.to.write_all(text, deadline);
  way.bytes += written.bytes;
  t.active = t.connection.loop().now();
  if (!written.ok()) stop(t, failure(written.status == IoStatus::kTimeout ? Reason::kIdleTimeout : way.to_failed));
  co_return written.ok();
}

Task<> finish_writing(Tunnel& t, Way& way) {
  for (;;) {
    const IoResult shut = way.to.shutdown_write();
    if (shut.status != IoStatus::kWouldBlock) co_return;
    const Wake wake = co_await way.to.writable(t.connection.loop().now() + t.idle_timeout);
    if (wake != Wake::kReady) co_return;
  }
}

// Others are given back. None: the tunnel has ended meanwhile, or waited in vain.
Task<Buffer> wait_for_buffer(Tunnel& t) {
  Shard& shard = t.connection.shard();
  Loop& loop = t.connection.loop();
  count(shard, shard.shared().rows.memory_waits);
  const Instant deadline = loop.now() + t.idle_timeout;
  while (!t.stopped && loop.now() < deadline) {
    co_await loop.sleep_until(loop.now() + Buffers::kShortagePause);
    if (Buffer buffer = shard.buffers().take()) co_return buffer;
  }
  stop(t, failure(Reason::kMemory));
  co_return Buffer{};
}

// One readable event: a buffer is taken for it and given back behind it. False: this direction has ended.
Task<bool> move_some(Tunnel& t, Way& way) {
  Buffer buffer = t.connection.shard().buffers().take();
  if (!buffer) {
    Buffer waited_for = co_await wait_for_buffer(t);
    buffer = std::move(waited_for);
  }
  if (!buffer || t.stopped) co_return false;
  const IoResult read = way.from.try_read(std::as_writable_bytes(buffer.span()));
  if (read.status == IoStatus::kWouldBlock) co_return true;
  if (read.ok()) {
    way.from.spend(read.bytes);
    const bool written = co_await write(t, way, {buffer.span().data(), read.bytes});
    co_return written;
  }
  if (read.status == IoStatus::kEnd && read.error == 0) {
    co_await finish_writing(t, way);
  } else {
    stop(t, failure(way.from_failed));
  }
  co_return false;
}

Task<> pump(Tunnel& t, Way way) {
  if (!way.first.empty()) {
    const bool written = co_await write(t, way, way.first.left());
    if (!written) co_return;
  }
  way.first.drop();
  for (;;) {
    const Wake wake = co_await way.from.readable(t.active + t.idle_timeout);
    if (wake != Wake::kReady) {
      if (!still_waiting(t, wake)) co_return;
      continue;
    }
    if (t.stopped) co_return;
    const bool more = co_await move_some(t, way);
    if (!more) co_return;
  }
}

}  // namespace

Tunnel::Tunnel(Arena& in, Connection& of, Stream& to)
    : LoopTimer(end_last_while), where(in), connection(of), backend(to) {}

void Tunnel::begin_last_while() {
  if (!armed()) connection.loop().arm(*this, connection.loop().now() + kLastWhile);
}

Task<> run(Tunnel& t) {
  Connection& c = t.connection;
  c.tunnel = &t;
  if (c.service().gone) t.begin_last_while();
  t.active = c.loop().now();
  const Way up{c.stream(), t.backend, c.input, t.to_backend, Reason::kClientClosed, Reason::kBackendReset};
  const Way down{t.backend, c.stream(), t.first, t.to_client, Reason::kBackendReset, Reason::kClientClosed};
  co_await both(pump(t, up), pump(t, down));
  c.tunnel = nullptr;
  t.cancel();
  const Close how = t.failure && !t.failure.is(Reason::kIdleTimeout) ? Close::kReset : Close::kOrderly;
  c.stream().close(how);
}

Task<> tunnel_websocket(Exchange& x) {
  x.watch.stop();
  x.close = true;
  keep(x.record, x.arena());
  Tunnel t(x.arena(), x.connection, x.lease.stream());
  t.idle_timeout = x.service.idle_timeout;
  begin_answer(x);
  const IoResult sent = co_await x.client().write_all(x.answer.head, x.now() + x.service.body_timeout);
  x.record.bytes_out += sent.bytes;
  if (!sent.ok()) {
    x.failure = client_failure(sent, Reason::kClientStalled);
    co_return;
  }
  t.first = std::move(x.response);
  x.response = {};
  co_await run(t);
  x.record.bytes_out += t.to_client;
  x.record.bytes_in += t.to_backend;
  x.failure = t.failure;
  x.answer.reusable = false;
}

}  // namespace cardea::l7::proxy
