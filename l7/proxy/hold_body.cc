#include "l7/proxy/hold_body.h"

#include <algorithm>

#include "l7/http/edit.h"
#include "l7/proxy/exchange.h"
#include "l7/proxy/meter.h"

namespace cardea::l7::proxy {
namespace {

// Of the client's framing, beside twice the limit: chunks of one byte each are several times what they hold.
constexpr size_t kFramingMax = 32 * 1024;

// Follows a body through buffers as they fill.
class Follower {
 public:
  Follower(http::BodyFraming framing, size_t bytes_max) : reader_(framing), bytes_max_(bytes_max) {}

  // Of bytes that were not there before.
  void take(std::string_view input) {
    held_ += input.size();
    while (state_ == State::kNeedMore) {
      const http::BodyStep step = reader_.next(input);
      input.remove_prefix(step.consumed);
      bytes_ += step.data.size();
      fault_ = step.fault;
      if (step.state == State::kData || step.state == State::kTrailers) continue;
      state_ = step.state;
      return;
    }
  }
  void end() { state_ = State::kEnd; }
  bool close_is_end() const { return reader_.close_is_end(); }
  bool ended() const { return state_ == State::kEnd; }
  bool bad() const { return state_ == State::kBad; }
  bool over() const { return bytes_ > bytes_max_ || (!ended() && held_ > 2 * bytes_max_ + kFramingMax); }
  http::Fault fault() const { return fault_; }
  size_t bytes() const { return std::min(bytes_, bytes_max_); }
  size_t bytes_seen() const { return bytes_; }

 private:
  using State = http::BodyStep::State;
  http::BodyReader reader_;
  const size_t bytes_max_;
  size_t bytes_ = 0, held_ = 0;  // of the body; with its framing
  State state_ = State::kNeedMore;
  http::Fault fault_ = http::Fault::kNone;
};

// Puts it together out of the same buffers once more: memory is taken when there is something to put into it.
class Joiner {
 public:
  Joiner(http::BodyFraming framing, size_t bytes) : reader_(framing), bytes_(bytes) {}

  // False: there is no memory.
  bool take(std::string_view input, Buffers& buffers, Held& to) {
    while (!input.empty() && to.body.size() < bytes_) {
      const http::BodyStep step = reader_.next(input);
      input.remove_prefix(step.consumed);
      if (step.state != http::BodyStep::State::kData) break;
      if (!keep(step.data.substr(0, bytes_ - to.body.size()), buffers, to)) return false;
    }
    return true;
  }

 private:
  // Where all of it is one piece, that is where it stays.
  bool keep(std::string_view data, Buffers& buffers, Held& to) {
    if (data.size() == bytes_) {
      to.body = data;
      return true;
    }
    if (!to.memory) to.memory = buffers.take_for_new(bytes_);
    if (!to.memory) return false;
    std::ranges::copy(data, to.memory.span().data() + to.body.size());
    to.body = {to.memory.span().data(), to.body.size() + data.size()};
    return true;
  }

  http::BodyReader reader_;
  const size_t bytes_;
};

bool join(Exchange& x, http::BodyFraming framing, size_t bytes, Held& to) {
  Joiner joiner(framing, bytes);
  Buffers& buffers = x.shard().buffers();
  if (!joiner.take(x.caller.input.left(), buffers, to)) return false;
  return std::ranges::all_of(x.held_body.pieces, [&](const Input& piece) { return joiner.take(piece.left(), buffers, to); });
}

// Again out of the same buffers, to where somebody else keeps it.
class Copier {
 public:
  Copier(http::BodyFraming framing, std::span<char> into) : reader_(framing), into_(into) {}

  void take(std::string_view input) {
    while (!input.empty() && !into_.empty()) {
      const http::BodyStep step = reader_.next(input);
      input.remove_prefix(step.consumed);
      if (step.state != http::BodyStep::State::kData) return;
      const std::string_view data = step.data.substr(0, into_.size());
      std::ranges::copy(data, into_.data());
      into_ = into_.subspan(data.size());
    }
  }

 private:
  http::BodyReader reader_;
  std::span<char> into_;
};

// Who waits for a word before it sends the body gets it from us, and not once more from the backend.
Task<IoResult> tell_to_continue(Exchange& x) {
  x.told_to_continue = true;
  auto& head = *x.arena().make<http::ResponseHead>();
  head.status = 100;
  const http::ResponseEdit edit{.options = {}, .method = x.head.method, .client_version = x.head.version, .via = {}};
  constexpr size_t kRoom = 128;
  const auto text = x.end().write_head({x.arena().characters(kRoom), kRoom}, head, edit);
  IoResult sent = IoResult::moved(0);
  if (text && !text->empty()) sent = co_await x.client().write_all(*text, x.to_client);
  co_return sent;
}

// Nothing goes on yet.
Buffer take_piece(Exchange& x, HoldIn memory) {
  Buffers& buffers = x.shard().buffers();
  return memory == HoldIn::kSpare ? buffers.take_to_spare(Buffers::kPiece) : buffers.take_for_new(Buffers::kPiece);
}

// Where the next bytes go; null: there is no memory for them.
Input* next_input(Exchange& x, HoldIn memory) {
  HeldBody& held = x.held_body;
  Input* last = held.pieces.empty() ? &x.caller.input : &held.pieces.back();
  if (last->buffer && !last->full()) return last;
  Buffer fresh = take_piece(x, memory);
  if (!fresh) return nullptr;
  if (!last->buffer) {
    last->buffer = std::move(fresh);
    return last;
  }
  held.pieces.push_back({});
  held.pieces.back().buffer = std::move(fresh);
  return &held.pieces.back();
}

void take(Exchange& x, Follower& to, std::string_view input) {
  to.take(input);
  x.held_body.bytes = to.bytes_seen();
  meter_some(x);
}

Task<Failure> read_on(Exchange& x, Follower& to, HoldIn memory) {
  Input* const input = next_input(x, memory);
  if (input == nullptr) co_return failure(Reason::kMemory);
  const IoResult read = co_await x.client().read(input->room(), x.from_client.wait(x.now()));
  x.from_client.moved(read.bytes);
  x.from_client.resume(x.now());
  const size_t before = input->end;
  input->end += read.bytes;
  take(x, to, std::string_view(input->buffer.span().data() + before, read.bytes));
  if (read.ok()) co_return Failure{};
  const bool is_end = read.status == IoStatus::kEnd && read.error == 0 && to.close_is_end();
  if (!is_end) co_return client_failure(read, Reason::kBodyTimeout, x.from_client);
  x.held_body.ended = true;
  to.end();
  co_return Failure{};
}

}  // namespace

bool has_body(const Exchange& x) {
  const http::BodyFraming body = x.admitted.body;
  return body.kind != http::BodyKind::kNone && body != http::BodyFraming{http::BodyKind::kLength};
}

bool is_stream(const Exchange& x) {
  if (x.admitted.websocket) return true;
  return x.grpc && x.pool != nullptr && x.pool->plan().http2 != Http2::kOff;
}

Task<Gathered> gather_body(Exchange& x, size_t bytes_max, HoldIn memory) {
  Failure failed;
  Follower body(body_framing(x), bytes_max);
  take(x, body, x.caller.input.left());
  for (const Input& piece : x.held_body.pieces) take(x, body, piece.left());
  if (x.held_body.ended) body.end();
  if (x.admitted.expects_continue && !x.told_to_continue && !body.ended()) {
    const IoResult told = co_await tell_to_continue(x);
    if (!told.ok()) failed = client_failure(told, Reason::kClientStalled, x.to_client);
  }
  while (!failed && !body.ended() && !body.over() && !body.bad()) failed = co_await read_on(x, body, memory);
  if (body.bad()) failed = failure(body.fault());
  co_return Gathered{failed, body.bytes(), body.ended() && !body.over()};
}

void copy_body(Exchange& x, std::span<char> into) {
  Copier copier(body_framing(x), into);
  copier.take(x.caller.input.left());
  for (const Input& piece : x.held_body.pieces) copier.take(piece.left());
}

Task<Held> hold_body(Exchange& x, size_t bytes_max) {
  const http::BodyFraming framing = body_framing(x);
  const Gathered gathered = co_await gather_body(x, bytes_max);
  Held held{.failure = gathered.failure, .whole = gathered.whole};
  if (!held.failure && !join(x, framing, gathered.bytes, held)) held.failure = failure(Reason::kMemory);
  co_return held;
}

}  // namespace cardea::l7::proxy
