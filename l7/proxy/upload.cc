// The rest of a request's body, read from the client as the backend takes it: one buffer, no more. Runs beside
// receive(), because a backend may answer before it has the whole body, or say that it wants it (100 Continue).
#include "l7/proxy/exchange.h"
#include "l7/proxy/meter.h"
#include "l7/proxy/pieces.h"
#include "l7/proxy/trailers.h"

namespace cardea::l7::proxy {
namespace {

constexpr size_t kRoomMin = 8192;  // less is not worth a system call

// What was sent is not needed any more, but for the head.
void forget_sent(Exchange& x) {
  Input& input = x.caller.input;
  if (input.empty() && !x.upload.replayable) input.at = input.end = x.head_buffer ? 0 : x.body_at;
}

// The head's buffer stays as it is; behind the head there is room, or another buffer is taken.
Failure make_room(Exchange& x) {
  Input& input = x.caller.input;
  forget_sent(x);
  if (x.head_buffer || input.room().size() >= kRoomMin) return {};
  Buffer fresh = x.shard().buffers().take();
  if (!fresh) return failure(Reason::kMemory);
  x.head_buffer = std::move(input.buffer);
  input.buffer = std::move(fresh);
  input.rewind();
  return {};
}

Failure take_piece(Exchange& x, Pieces& pieces) {
  Input& input = x.caller.input;
  Upload& upload = x.upload;
  pieces.clear();
  const auto state = pieces.gather(upload.reader, input.left(), upload.chunked);
  input.at += pieces.consumed();
  upload.body_bytes += pieces.body_bytes();
  meter_some(x);
  if (state == Pieces::State::kBad) return failure(pieces.fault());
  if (!upload.trailers.add(x.shard().buffers(), pieces.trailers())) return failure(Reason::kMemory);
  const uint64_t limit = x.service.body_bytes_max;
  if (limit != 0 && upload.body_bytes > limit) return failure(Reason::kBodyTooLarge);
  upload.complete = state == Pieces::State::kEnd;
  if (upload.complete) pieces.add(end_of_request(x));
  return {};
}

// Where the client's protocol, and not the body itself, says that it ends.
bool is_end(const Upload& upload, const IoResult& read) {
  return read.status == IoStatus::kEnd && read.error == 0 && upload.reader.close_is_end();
}

// Of a stream of messages, while the other side has something to say.
bool may_be_silent(const Exchange& x, const IoResult& read) {
  return x.grpc && read.status == IoStatus::kTimeout && x.now() < x.moved + x.service.idle_timeout;
}

// As slow as a client may be that takes a response; with messages of gRPC, as silent as either side.
PaceLimits backend_pace(const Exchange& x) {
  return x.grpc ? PaceLimits{.stall = x.service.idle_timeout} : x.service.client_pace();
}

// Who takes nothing, or hardly anything, is given up; what it answered before still goes to the client.
bool was_taken(Exchange& x, const IoResult& sent, const Pace& pace) {
  if (sent.status == IoStatus::kTimeout && x.answer.state != Answer::State::kFinal) {
    x.upload.failure = failure(Reason::kBackendStalled, pace.too_slow() ? "rate_min" : "");
  }
  return sent.ok();
}

// Piece by piece until the body's end. False: the backend takes no more, for which receive() will find the reason.
Task<bool> send_rest(Exchange& x) {
  Upload& upload = x.upload;
  Pieces pieces;
  Pace to_backend(backend_pace(x));
  for (bool more = !x.caller.input.empty();; more = true) {
    if (more) {
      upload.failure = take_piece(x, pieces);
      if (upload.failure) co_return true;
      const IoResult sent = co_await x.lease.stream().write_all(pieces.span(), to_backend);
      if (sent.ok() && upload.complete) end_request(x);
      if (!sent.ok() || upload.complete) co_return was_taken(x, sent, to_backend);
      if (x.held_body.pieces.empty()) x.end().body_went_on(pieces.body_bytes());  // what was held came as it came
    }
    upload.replayable = false;
    if (!x.caller.input.empty() || take_held(x)) continue;
    upload.failure = make_room(x);
    if (upload.failure) co_return true;
    Input& input = x.caller.input;
    const IoResult read = co_await x.client().read(input.room(), x.from_client.wait(x.now()));
    x.from_client.moved(read.bytes);
    x.from_client.resume(x.now());
    input.end += read.bytes;
    if (read.status == IoStatus::kCancelled) co_return false;
    if (read.ok()) x.moved = x.now();
    if (may_be_silent(x, read)) continue;
    if (is_end(upload, read)) {
      upload.complete = true;
      end_request(x);
      const std::string_view end = end_of_request(x);
      if (end.empty()) co_return true;
      const IoResult sent = co_await x.lease.stream().write_all(end, to_backend);
      co_return was_taken(x, sent, to_backend);
    }
    if (!read.ok()) {
      upload.failure = client_failure(read, Reason::kBodyTimeout, x.from_client);
      co_return true;
    }
  }
}

}  // namespace

Task<> upload(Exchange& x) {
  const bool went_well = co_await send_rest(x);
  Upload& upload = x.upload;
  upload.under_way = false;
  x.sent_at = x.now();
  if (!went_well) upload.complete = false;
  if (upload.complete) {
    forget_sent(x);  // with a full buffer the client is not watched
    x.watch.start();
  }
  // receive() waits without a deadline as long as the body is on its way, and for nothing where the client failed.
  if (x.lease && (upload.failure || x.answer.state != Answer::State::kFinal)) x.lease.stream().cancel(Direction::kRead);
}

}  // namespace cardea::l7::proxy
