#include "l7/proxy/compressing.h"

#include <algorithm>

#include "l7/proxy/exchange.h"
#include "l7/proxy/meter.h"
#include "l7/proxy/pieces.h"
#include "l7/proxy/trailers.h"
#include "l7/proxy/wait_for_buffer.h"

namespace cardea::l7::proxy {

using compress::Encoder;

namespace {

size_t place(const Exchange& x) {
  return size_t(x.compressing.choice.offer->coding);
}

void count_bytes(Exchange& x, size_t taken, size_t made) {
  const auto& rows = x.shard().shared().rows;
  count(x.shard(), rows.compressed_in[place(x)], taken);
  count(x.shard(), rows.compressed_out[place(x)], made);
}

// False: there is none, and the body goes out as it is.
bool take_encoder(Exchange& x, std::optional<uint64_t> length) {
  Compressing& c = x.compressing;
  const auto& rows = x.shard().shared().rows;
  c.encoder = x.shard().encoders().take(c.choice.offer->coding, c.choice.offer->level, length);
  c.under_way = bool(c.encoder);
  count(x.shard(), c.under_way ? rows.compressed[place(x)] : rows.compressions_refused);
  if (c.under_way) return true;
  x.record.compression = "busy";
  c.choice.offer.reset(), c.choice.weak_tag = false;
  return false;
}

}  // namespace

void choose_coding(Exchange& x, const http::ResponseHead& head, std::optional<uint64_t> length, bool has_body) {
  Compressing& c = x.compressing;
  const RoutePlan* const route = x.record.route;
  c.under_way = false;
  if (route == nullptr || !route->policies->compression.on()) return;
  c.choice = compress::choose(route->policies->compression, x.head, head, length);
  x.record.compression = compress::word(c.choice.why);
  if (!c.coded()) return;
  if (has_body && !take_encoder(x, length)) return;
  x.record.compression = c.coding();
}

void mark(const Compressing& c, http::ResponseEdit& edit) {
  edit.coding = c.coding();
  edit.weak_tag = c.choice.weak_tag;
  edit.varies = c.choice.varies;
}

http::BodyFraming framing_out(const Exchange& x, http::BodyFraming framing) {
  return x.end().framing_of(x, x.compressing.under_way ? http::BodyFraming{http::BodyKind::kChunked} : framing);
}

http::BodyFraming frame_own(Exchange& x, http::BodyFraming framing) {
  if (!x.compressing.coded()) return framing;
  if (!x.compressing.under_way) return {};
  const http::BodyFraming out = framing_out(x, framing);
  x.answer.chunked = out.kind == http::BodyKind::kChunked;
  return out;
}

namespace {

Task<Failure> write_out(Exchange& x, std::string_view last) {
  Compressing& c = x.compressing;
  Pieces pieces;
  pieces.add(std::exchange(c.head, {}));
  pieces.add_body({c.out.span().data(), std::exchange(c.filled, 0)}, x.answer.chunked);
  pieces.add(last);
  if (pieces.empty()) co_return Failure{};
  const IoResult written = co_await x.client().write_all(pieces.span(), x.to_client);
  note_sent(x, written.bytes);
  c.out = {};
  if (written.ok()) co_return Failure{};
  co_return client_failure(written, Reason::kClientStalled, x.to_client);
}

// One step of the compressor, with room for what comes out of it.
Task<Failure> step(Exchange& x, std::string_view& turn, Encoder::Until until, Encoder::State& state) {
  Compressing& c = x.compressing;
  if (!c.out) {
    const Failure failed = co_await wait_for_buffer(x, Buffers::kPiece, c.out);
    if (failed) co_return failed;
  }
  const Encoder::Step done = c.encoder->step(turn, c.out.span().subspan(c.filled), until);
  state = done.state;
  turn.remove_prefix(done.taken);
  c.filled += done.made, c.spent += done.taken;
  count_bytes(x, done.taken, done.made);
  if (state == Encoder::State::kBroken) co_return failure(Reason::kLocalFailure);
  if (c.filled < c.out.span().size()) co_return Failure{};
  const Failure failed = co_await write_out(x, {});
  co_return failed;
}

// A piece, no more of it at once than leaves others their turns.
Task<Failure> put(Exchange& x, std::string_view piece, Encoder::Until until) {
  Compressing& c = x.compressing;
  do {
    std::string_view turn = piece.substr(0, c.encoder->turn_bytes());
    piece.remove_prefix(turn.size());
    if (c.spent >= c.encoder->turn_bytes()) {
      c.spent = 0;
      co_await x.loop().yield();
    }
    Encoder::State state = Encoder::State::kNeedsRoom;
    while (state == Encoder::State::kNeedsRoom) {
      const Failure failed = co_await step(x, turn, piece.empty() ? until : Encoder::Until::kMore, state);
      if (failed) co_return failed;
    }
  } while (!piece.empty());
  co_return Failure{};
}

}  // namespace

// A client that takes its time has the end without the compressor being kept for it.
Task<Failure> compress_on(Exchange& x, std::span<const iovec> body, Encoder::Until until) {
  Compressing& c = x.compressing;
  for (const iovec& piece : body) {
    c.holds = true;
    const Failure failed =
        co_await put(x, {static_cast<const char*>(piece.iov_base), piece.iov_len}, Encoder::Until::kMore);
    if (failed) co_return failed;
  }
  if (until == Encoder::Until::kMore) co_return Failure{};
  Failure failed = co_await put(x, {}, until);
  if (failed) co_return failed;
  c.holds = false;
  const bool ended = until == Encoder::Until::kEnd;
  if (ended) c.encoder.give_back();
  failed = co_await write_out(x, ended ? x.end().last(x, response_trailers(x)) : std::string_view());
  co_return failed;
}

Task<Failure> send_compressed(Exchange& x, std::string_view head, std::span<const iovec> body) {
  x.record.response_head = x.now();
  x.answer.sent = true;
  x.compressing.head = head;
  const Failure failed = co_await compress_on(x, body, Encoder::Until::kEnd);
  x.answer.complete = !failed;
  co_return failed;
}

}  // namespace cardea::l7::proxy
