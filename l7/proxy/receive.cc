// The backend's response: its heads, edited, and its body, piece by piece as the client takes it, in one buffer of the
// shard's that is given back whenever both sides have nothing to say.
#include <algorithm>
#include <cerrno>
#include <utility>

#include "l7/http/authentication.h"
#include "l7/http/edit.h"
#include "l7/http/grpc.h"
#include "l7/http2/backend_stream.h"
#include "l7/proxy/again.h"
#include "l7/proxy/exchange.h"
#include "l7/proxy/header_changes.h"
#include "l7/proxy/heard_answer.h"
#include "l7/proxy/identify.h"
#include "l7/proxy/meter.h"
#include "l7/proxy/pieces.h"
#include "l7/proxy/trailers.h"

namespace cardea::l7::proxy {
namespace {

constexpr size_t kAddedBytes = 768;  // to a response's head, at most

// What ended the wait for the backend, if anything did.
Failure interrupted(const Exchange& x, Wake wake) {
  if (x.client_gone) return failure(Reason::kClientClosed);
  if (x.upload.failure) return x.upload.failure;
  if (wake == Wake::kTimeout) {
    return failure(x.answer.state == Answer::State::kFinal ? Reason::kResponseStalled : Reason::kResponseTimeout);
  }
  return {};
}

Failure backend_ended(const Exchange& x, const IoResult& read) {
  if (x.client_gone) return failure(Reason::kClientClosed);
  if (read.status == IoStatus::kTimeout) return failure(Reason::kResponseStalled);
  if (const http2::BackendStream* call = x.lease.http2()) {
    if (!call->malformed().empty()) return failure(Reason::kBadResponse, call->malformed());
    if (call->ran_short()) return failure(Reason::kMemory);
    if (call->unprocessed()) return failure(Reason::kBackendRefused);
  }
  if (x.answer.begun) return failure(Reason::kResponseTruncated);
  return failure(read.status == IoStatus::kEnd ? Reason::kBackendClosed : Reason::kBackendReset);
}

Failure bad(http::Fault fault) {
  return failure(Reason::kBadResponse, http::word(fault));
}

// How the connection goes on behind a final response.
void decide_end(Exchange& x, http::BodyFraming out) {
  x.answer.chunked = out.kind == http::BodyKind::kChunked;
  x.answer.until_close = out.kind == http::BodyKind::kUntilClose;
  x.close = x.end().ends_with(x, out.kind);
}

Failure edit_head(Exchange& x, const http::ResponseHead& head, const http::ConnectionOptions& options,
                  http::BodyFraming out, size_t size) {
  const bool begins = head.status >= 200 || head.status == 101;
  const std::string_view cookie = begins ? cookie_to_set(x) : std::string_view();
  const http::HeaderChanges changes = head.status >= 200 ? response_changes(x, &head.headers) : http::HeaderChanges();
  const size_t room = size + kAddedBytes + cookie.size() + changes.bytes;
  http::ResponseEdit edit{.body = out,
                                .options = options,
                                .method = x.head.method,
                                .client_version = x.head.version,
                                .close = x.close,
                                .websocket = head.status == 101,
                                .date = x.shard().date(x.record.unix_ms / 1000),
                                .set_cookie = cookie,
                                .cache_status = head.status >= 200 ? x.caching.status : std::string_view(),
                                .changes = changes,
                                .id_header = head.status >= 200 ? id_for_client(x) : http::IdHeader{}};
  if (head.status >= 200) mark(x.compressing, edit);
  const auto written = x.end().write_head({x.arena().characters(room), room}, head, edit);
  if (!written) return bad(http::Fault::kHeadTooLarge);
  x.answer.head = *written;
  x.answer.head_room = room;
  return {};
}

// The client has what this is: it gets the head, and the cache the body.
Failure say_not_modified(Exchange& x, const http::ResponseHead& head, const http::ConnectionOptions& options,
                         size_t size) {
  http::ResponseHead answer = head;
  answer.status = 304;
  answer.reason = {};
  x.answer.head_only = true;
  choose_coding(x, answer, {}, false);
  decide_end(x, {});
  return edit_head(x, answer, options, {}, size);
}

// Both sides say that they speak in messages: now the client may be slow with those that it gets, too.
void note_messages(Exchange& x, const http::ResponseHead& head) {
  x.messages = x.grpc && http::is_grpc(head.headers.value(http::HeaderId::kContentType));
  if (x.messages) x.to_client = Pace({.stall = x.service.idle_timeout});
}

// Of the body that a response has, or would have.
std::optional<uint64_t> length_of(const Exchange& x, const http::ResponseHead& head, http::BodyFraming body) {
  if (body.kind == http::BodyKind::kLength) return body.length;
  if (x.head.method != http::Method::kHead || !head.headers.has(http::HeaderId::kContentLength)) return {};
  const auto stated = http::stated_length(head.headers, http::Sender::kBackend);
  return stated ? std::optional(*stated) : std::nullopt;
}

// What is needed of them behind the body too.
const http::ConnectionOptions* keep_named(Exchange& x, const http::ConnectionOptions& options) {
  if (options.named_count == 0) return nullptr;
  auto* const kept = x.arena().make<http::ConnectionOptions>(options);
  for (uint8_t i = 0; i < kept->named_count; ++i) kept->named[i] = x.arena().copy(options.named[i]);
  return kept;
}

// A final head, where the cache may have an answer of its own.
Failure digest_final(Exchange& x, const http::ResponseHead& head, const http::ConnectionOptions& options,
                     http::BodyFraming body, size_t size) {
  Answer& answer = x.answer;
  answer.reusable = x.lease.http2() || http::backend_keeps_alive(head, options, body);
  answer.options = keep_named(x, options);
  note_messages(x, head);
  if (http::binds_connection(head.headers)) x.lease.authenticate();
  if (wants_another_answer(x, head.status)) return unwanted(head.status);
  switch (show_cache(x, head, body)) {
    case CacheVerdict::kAnswer:
      answer.state = Answer::State::kStored;
      return {};
    case CacheVerdict::kAskAgain:
      answer.state = Answer::State::kAskAgain;
      return {};
    case CacheVerdict::kStaleInstead:
      return failure(Reason::kBackendError);
    case CacheVerdict::kRelay:
      break;
  }
  if (x.caller.is_nobody()) {
    if (x.heard) x.heard->hear(head, options, x.now());
    answer.head_only = true;
    return {};
  }
  if (client_has(x, head)) return say_not_modified(x, head, options, size);
  choose_coding(x, head, length_of(x, head, body), body.kind != http::BodyKind::kNone);
  const http::BodyFraming out = framing_out(x, body);
  decide_end(x, out);
  return edit_head(x, head, options, out, size);
}

// By HTTP/2 a body ends with its stream, which has to have the length that it said (RFC 9113 8.1.1: the session looks).
http::BodyFraming arriving(const Exchange& x, http::BodyFraming body) {
  const bool any = body.kind == http::BodyKind::kLength || body.kind == http::BodyKind::kChunked;
  return x.lease.http2() && any ? http::BodyFraming{http::BodyKind::kUntilClose} : body;
}

Failure digest(Exchange& x, const http::ResponseHead& head, size_t size) {
  const auto body = http::response_body(head, x.head.method, x.admitted.websocket);
  if (!body) return bad(body.error());
  const auto options = http::connection_options(head.headers);
  if (!options) return bad(options.error());
  Answer& answer = x.answer;
  const bool upgrades = head.status != 101 || http::accepts_websocket(head, *options);
  const bool answers = x.caller.is_nobody() || x.end().may_be_answered_by(head);
  if (!upgrades || !answers) return bad(http::Fault::kUpgradeUnasked);
  answer.state = head.status == 101  ? Answer::State::kTunnel
                 : head.status < 200 ? Answer::State::kInformational
                                     : Answer::State::kFinal;
  answer.status = head.status;
  answer.reader = http::BodyReader(arriving(x, *body), http::Sender::kBackend);
  if (answer.state == Answer::State::kFinal) return digest_final(x, head, *options, *body, size);
  return x.caller.is_nobody() ? Failure{} : edit_head(x, head, *options, *body, size);
}

// Parses what is there. Until answer.state says otherwise more is needed.
Failure take_head(Exchange& x, http::HeadScan& scan) {
  http::ResponseHead head;
  Input& input = x.response;
  const http::HeadLimits limits{.bytes_max = x.pool->plan().response_header_bytes_max};
  const http::HeadProgress progress = http::parse_response_head(input.left(), limits, scan, head);
  if (progress.bad()) return bad(progress.fault);
  if (!progress.done()) return {};
  if (x.lease.http2()) head.version = http::Version::kHttp20;
  const Failure failed = digest(x, head, progress.at);
  input.at += progress.at;
  scan = {};
  return failed;
}

// A head that fills its buffer gets a larger one. False: there is none.
bool make_room(Exchange& x) {
  Input& input = x.response;
  if (input.empty()) input.rewind();
  if (!input.buffer || !input.full()) return true;
  input.compact();
  if (!input.full()) return true;
  return input.move_to(x.shard().buffers().take(x.pool->plan().response_header_bytes_max));
}

// One more read of the backend, when it has something. A buffer is held only from here on. A response that has begun is
// not broken off for want of one as long as it may wait: others are given back.
Task<Failure> read_more(Exchange& x, Instant deadline) {
  Stream& backend = x.lease.stream();
  Failure failed = interrupted(x, Wake::kReady);  // before the wait too: nobody could wake it out of that any more
  if (failed) co_return failed;
  const Wake wake = co_await backend.readable(deadline);
  failed = interrupted(x, wake);
  if (failed || wake != Wake::kReady) co_return failed;
  for (bool waited = false; !x.response.buffer; waited = true) {
    x.response.buffer = x.shard().buffers().take();
    if (x.response.buffer) break;
    if (!x.answer.sent || x.now() >= deadline) co_return failure(Reason::kMemory);
    if (!waited) count(x.shard(), x.shard().shared().rows.memory_waits);
    co_await x.loop().sleep_until(x.now() + Buffers::kShortagePause);
    failed = interrupted(x, Wake::kReady);
    if (failed) co_return failed;
  }
  const IoResult read = co_await backend.read(x.response.room(), deadline);
  x.response.end += read.bytes;
  if (read.ok()) {
    x.answer.begun = true;
    co_return failed;
  }
  failed = interrupted(x, Wake::kReady);
  if (failed || read.status == IoStatus::kCancelled) co_return failed;
  if (read.status == IoStatus::kEnd && read.error == 0 && x.answer.state == Answer::State::kFinal &&
      x.answer.reader.close_is_end()) {
    x.answer.complete = true;
    co_return failed;
  }
  co_return backend_ended(x, read);
}

Task<Failure> write_client(Exchange& x, Pieces& pieces) {
  if (x.caller.is_nobody()) co_return Failure{};
  const IoResult written = co_await x.client().write_all(pieces.span(), x.to_client);
  note_sent(x, written.bytes);
  if (written.ok()) co_return Failure{};
  co_return client_failure(written, Reason::kClientStalled, x.to_client);
}

// Neither the client nor the cache wants the rest, which ends the backend's connection.
bool is_for_nobody(Exchange& x) {
  if (!x.answer.head_only || x.caching.writer || (x.heard && x.heard->wants_more())) return false;
  x.answer.reusable = false;
  return true;
}

void note_head(Exchange& x) {
  x.record.response_head = x.now();
  count_response(x.shard(), x.backend_rows, x.answer.status, x.now() - x.sent_at);
  x.lease.heard(x.answer.status, x.answer.timed ? std::optional(x.now() - x.sent_at) : std::nullopt);
}

// 1xx go on to clients that know them. However many there are, their heads take the room of one: the next is not read
// before the client's connection took this one.
Task<Failure> relay_informational(Exchange& x) {
  Answer& answer = x.answer;
  answer.state = Answer::State::kNone;
  if (answer.status == 102) answer.working = x.now();
  if (x.head.version == http::Version::kHttp10 || x.caller.is_nobody()) co_return Failure{};
  Pieces pieces;
  pieces.add(answer.head);
  const Failure failed = co_await write_client(x, pieces);
  if (failed) co_return failed;
  const Wake wake = co_await x.client().writable(x.to_client.wait(x.now()));
  x.to_client.resume(x.now());
  co_return wake == Wake::kTimeout ? failure(Reason::kClientStalled) : Failure{};
}

// Of a large request kernels hold megabytes that have not reached the backend yet.
class Delivery {
 public:
  void note(Exchange& x) {
    if (x.upload.body_bytes + x.body_at >= kLarge && !x.upload.under_way) left_ = x.lease.stream().undelivered();
  }
  // As long as it takes more of that than the lowest rate, its response is not late: the time begins anew.
  bool goes_on(Exchange& x) {
    const uint64_t before = std::exchange(left_, 0);
    const auto waited = std::chrono::duration_cast<std::chrono::seconds>(x.now() - x.sent_at).count();
    const bool moves = before != 0 && before > x.lease.stream().undelivered() + x.service.rate_min * uint64_t(waited);
    if (moves) x.sent_at = x.now();
    return moves;
  }

 private:
  static constexpr uint64_t kLarge = 64 * 1024;  // less is not worth a system call
  uint64_t left_ = 0;
};

// Until the final head is here.
Task<Failure> receive_head(Exchange& x) {
  http::HeadScan scan;
  Delivery delivery;
  for (;;) {
    if (!x.response.empty()) {
      Failure failed = take_head(x, scan);
      if (failed) co_return failed;
      if (x.answer.state == Answer::State::kInformational) {
        failed = co_await relay_informational(x);
        if (x.answer.head.data()) x.arena().free(const_cast<char*>(x.answer.head.data()), x.answer.head_room);
        if (failed) co_return failed;
        if (x.now() >= answer_deadline(x)) co_return failure(Reason::kResponseTimeout);
        continue;
      }
      if (x.answer.state != Answer::State::kNone) co_return Failure{};
    }
    if (!make_room(x)) co_return failure(Reason::kMemory);
    delivery.note(x);
    const Failure failed = co_await read_more(x, answer_deadline(x));
    if (failed.is(Reason::kResponseTimeout) && delivery.goes_on(x)) continue;
    if (failed) co_return failed;
  }
}

// What goes out behind a body that ended.
std::string_view last(Exchange& x) {
  if (x.caller.is_nobody() || x.answer.head_only) return {};
  return x.end().last(x, response_trailers(x));
}

// One more piece of a body. Messages of gRPC may be far between, as long as they come from one side or the other.
Task<Failure> read_piece(Exchange& x) {
  x.moved = x.now();
  if (!x.messages) {
    const Failure failed = co_await read_more(x, x.now() + x.service.body_timeout);
    co_return failed;
  }
  for (;;) {
    const Failure failed = co_await read_more(x, x.moved + x.service.idle_timeout);
    if (!failed.is(Reason::kResponseStalled) || x.now() >= x.moved + x.service.idle_timeout) co_return failed;
  }
}

// Who is sent something compressed does not wait for what the backend is silent about.
constexpr std::chrono::milliseconds kPause{1};

Task<Failure> read_or_flush(Exchange& x) {
  if (x.compressing.under_way && x.compressing.holds) {
    Failure failed = co_await read_more(x, x.now() + kPause);
    if (!failed.is(Reason::kResponseStalled)) co_return failed;
    x.response.drop();
    failed = co_await compress_on(x, {}, compress::Encoder::Until::kFlushed);
    if (failed) co_return failed;
  }
  const Failure failed = co_await read_piece(x);
  co_return failed;
}

// What was gathered of the body goes out; `pieces` may have its head.
Task<Failure> send_on(Exchange& x, Pieces& pieces, Pieces::State state) {
  const bool ended = x.answer.complete || state == Pieces::State::kEnd;
  if (x.compressing.under_way) {
    if (state == Pieces::State::kBad) co_return Failure{};
    const Failure failed = co_await compress_on(
        x, pieces.body(), ended ? compress::Encoder::Until::kEnd : compress::Encoder::Until::kMore);
    co_return failed;
  }
  if (ended) pieces.add(last(x));
  if (ended && !x.caller.is_nobody() && x.end().ran_short()) co_return failure(Reason::kMemory);
  if (pieces.empty() || x.answer.head_only) co_return Failure{};
  const Failure failed = co_await write_client(x, pieces);
  co_return failed;
}

// Those that nobody takes are left out here. A response is not cut for want of a buffer that others give back.
Task<Failure> hold_trailers(Exchange& x, std::string_view lines) {
  if (x.caller.is_nobody()) co_return Failure{};
  const auto& rows = x.shard().shared().rows;
  if (!x.end().takes_trailers(x)) {
    count(x.shard(), rows.trailers_dropped, uint64_t(std::ranges::count(lines, '\n')));
    co_return Failure{};
  }
  const Instant until = x.now() + x.service.body_timeout;
  for (bool waited = false; !x.answer.trailers.add(x.shard().buffers(), lines); waited = true) {
    if (x.now() >= until) co_return failure(Reason::kMemory);
    if (!waited) count(x.shard(), rows.memory_waits);
    co_await x.loop().sleep_until(x.now() + Buffers::kShortagePause);
    const Failure failed = interrupted(x, Wake::kReady);
    if (failed) co_return failed;
  }
  co_return Failure{};
}

// The final head with what there is of the body in one write, then the rest.
Task<Failure> relay(Exchange& x) {
  Answer& answer = x.answer;
  const bool compressed = x.compressing.under_way;
  Pieces pieces;
  if (compressed) {
    x.compressing.head = answer.head;
    x.compressing.holds = true;
  } else {
    pieces.add(answer.head);
  }
  if (answer.head_only) answer.status = 304;
  begin_answer(x);
  if (answer.head_only) {
    const Failure failed = co_await write_client(x, pieces);
    if (failed) co_return failed;
    pieces.clear();
  }
  for (;;) {
    const auto state = pieces.gather(answer.reader, x.response.left(), answer.chunked && !compressed);
    x.response.at += pieces.consumed();
    store(x, pieces);
    if (x.heard) x.heard->hear_body(pieces.body(), x.now());
    Failure failed;
    if (!pieces.trailers().empty()) failed = co_await hold_trailers(x, pieces.trailers());
    if (failed) co_return failed;
    failed = co_await send_on(x, pieces, state);
    if (failed) co_return failed;
    if (state == Pieces::State::kBad) co_return failure(Reason::kResponseTruncated, http::word(pieces.fault()));
    answer.complete = answer.complete || state == Pieces::State::kEnd;
    if (answer.complete) {
      finish_storing(x);
      co_return Failure{};
    }
    if (is_for_nobody(x)) co_return Failure{};
    pieces.clear();
    if (state == Pieces::State::kMorePieces) continue;
    x.response.drop();
    failed = co_await read_or_flush(x);
    if (failed) co_return failed;
  }
}

// The client has its answer: the rest of its body is not waited for.
void stop_upload(Exchange& x) {
  if (!x.upload.under_way) return;
  x.client().cancel(Direction::kRead);
  x.lease.stream().cancel(Direction::kWrite);
}

}  // namespace

Task<> receive(Exchange& x) {
  x.failure = co_await receive_head(x);
  if (!x.failure || x.failure.is(Reason::kBackendError) || x.failure.is(Reason::kUnwantedStatus)) note_head(x);
  if (!x.failure) {
    if (x.answer.state == Answer::State::kTunnel) {
      co_await tunnel_websocket(x);
    } else if (x.answer.state == Answer::State::kFinal) {
      x.failure = co_await relay(x);
    }
  }
  stop_upload(x);
}

}  // namespace cardea::l7::proxy
