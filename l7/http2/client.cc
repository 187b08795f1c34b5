#include "l7/http2/client.h"

#include <algorithm>

#include "l7/runtime/spawn.h"

namespace cardea::l7::http2 {
namespace {

using proxy::Buffer;
using proxy::Buffers;

constexpr int kHeardAtOnce = 4;  // buffers; behind more than that its end is not near

// One readable event. False: there was nothing.
bool read_some(Client& c, Buffer buffer) {
  const IoResult got = c.stream.try_read(std::as_writable_bytes(buffer.span()));
  c.stream.spend(got.bytes);
  if (got.status == IoStatus::kWouldBlock) return false;
  if (got.ok()) {
    c.take_in({buffer.span().data(), got.bytes});
  } else {
    c.end();
  }
  return true;
}

// A head that has begun and does not end holds up all calls.
Instant deadline(const Client& c) {
  return c.block.open() ? c.block_since + c.pace.stall : kNever;
}

Task<> read(Arena&, Client& c) {
  while (!c.ended) {
    if (c.is_behind()) {
      co_await c.changed.wait();
      continue;
    }
    const Wake wake = co_await c.stream.readable(deadline(c));
    if (wake == Wake::kTimeout) c.end();
    if (wake != Wake::kReady) continue;
    Buffer buffer = c.buffers.take();
    if (buffer) {
      read_some(c, std::move(buffer));
    } else {
      co_await c.stream.loop().sleep_until(c.stream.loop().now() + Buffers::kShortagePause);
    }
  }
}

}  // namespace

Client::Client(Loop& loop, Stream& to, Buffers& its_buffers, bool by_tls, const Limits& limits)
    : FrameSource(loop, to, its_buffers),
      secure(by_tls),
      head_bytes_max(limits.head_bytes_max),
      pace{.stall = limits.stall} {
  session.open_client(client_callbacks(), this, head_bytes_max, kCallsMax);
}

uint32_t Client::room() const {
  if (!ready || ended || leaving || doubted || !session.may_ask()) return 0;
  const uint32_t most = std::min(calls_max, session.remote(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS));
  return most > calls ? most - calls : 0;
}

void Client::began(BackendStream& its) {
  ++calls;
  live.push_back(its);
}

void Client::doubt() {
  if (ended || std::exchange(doubted, true)) return;
  session.ping();
}

void Client::hear() {
  for (int i = 0; i < kHeardAtOnce && !ended && !is_behind(); ++i) {
    Buffer buffer = buffers.take();
    if (!buffer || !read_some(*this, std::move(buffer))) return;
  }
}

void Client::settings_came() {
  ready = true;
  if (!floods.settings.spend(stream.loop().now())) return has_flooded("settings");
  changed_room();
}

// One that is refused shows how many the backend takes just now, whatever it said.
void Client::call_ended(int32_t id, uint32_t code) {
  --calls;
  if (code == NGHTTP2_REFUSED_STREAM) {
    calls_max = calls;
    leaving = leaving || calls == 0;
  } else if (code == NGHTTP2_NO_ERROR && calls_max < kCallsMax) {
    ++calls_max;
  }
  if (BackendStream* ended_call = call(id)) ended_call->session_closed(code);
  changed_room();
}

void Client::goes_away() {
  leaving = true;
  changed_room();
}

void Client::has_flooded(std::string_view what) {
  if (!flood.empty()) return;
  flood = what;
  leaving = true;
  flooded();
  session.terminate(NGHTTP2_ENHANCE_YOUR_CALM);
}

void Client::malformed(int32_t id, std::string_view why) {
  if (BackendStream* its = call(id)) its->is_malformed(why);
}

void Client::take_in(std::string_view bytes) {
  floods.bytes += bytes.size();
  heard = stream.loop().now();
  const bool was_doubted = std::exchange(doubted, false);
  block.comes(bytes.size());
  if (!session.feed(bytes)) return end();
  if (block.open()) block.hold();
  if (floods.mostly_useless()) has_flooded("overhead");
  if (was_doubted) changed_room();
}

void Client::break_calls() {
  while (BackendStream* its = live.pop_front()) its->session_closed(NGHTTP2_CANCEL);
}

Task<> run(Arena& arena, Client& c) {
  co_await both(read(arena, c), write_frames(arena, c, c.pace));
  c.leaving = true;
  c.break_calls();
  c.changed_room();
}

}  // namespace cardea::l7::http2
