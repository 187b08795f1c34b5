#include "l7/http1/read_head.h"

#include <algorithm>

#include "l7/http/parse_head.h"

namespace cardea::l7::http1 {
namespace {

using proxy::Buffers;
using proxy::Exchange;
using proxy::Failure;
using proxy::failure;
using proxy::Input;
using proxy::Reason;
using proxy::UnfinishedHead;

// What the head took is behind the input's start from now on; a fault says why it never became one.
struct HeadOutcome {
  bool done = false;
  Failure failure;
};
HeadOutcome parse(Exchange& x, http::HeadScan& scan) {
  Input& input = x.caller.input;
  const http::HeadLimits limits{.bytes_max = x.service.header_bytes_max};
  const http::HeadProgress progress = http::parse_request_head(input.left(), limits, scan, x.head);
  if (progress.bad()) return {true, failure(progress.fault)};
  if (!progress.done()) return {};
  input.at += progress.at;
  x.body_at = input.at;
  x.record.bytes_in += progress.at;
  describe(x);
  return {true, {}};
}

// A head that fills its buffer gets a larger one. False: there is none.
bool make_room(Exchange& x) {
  Input& input = x.caller.input;
  if (!input.full()) return true;
  input.compact();
  if (!input.full()) return true;
  const size_t now = input.buffer.span().size();
  const size_t next = now < Buffers::kPiece ? Buffers::kPiece : std::max<size_t>(2 * now, x.service.header_bytes_max);
  return input.move_to(x.shard().buffers().take_for_new(next));
}

}  // namespace

Task<> read_head(Exchange& x) {
  Input& input = x.caller.input;
  const Instant deadline = x.now() + x.service.request_timeout;
  http::HeadScan scan;
  UnfinishedHead unfinished(x.client());
  for (;;) {
    const HeadOutcome outcome = parse(x, scan);
    x.failure = outcome.failure;
    if (outcome.done) break;
    if (!unfinished.linked()) x.shard().add_unfinished(unfinished);
    if (!make_room(x) || unfinished.gives_way) {
      x.failure = failure(Reason::kMemory);
      break;
    }
    const IoResult got = co_await x.client().read(input.room(), deadline);
    input.end += got.bytes;
    if (got.status == IoStatus::kCancelled && unfinished.gives_way) continue;
    if (!got.ok()) {
      x.failure = failure(got.status == IoStatus::kTimeout ? Reason::kRequestTimeout : Reason::kClientClosed);
      break;
    }
  }
  if (x.failure.is(Reason::kMemory)) input.drop();
  x.record.head_read = x.now();
}

}  // namespace cardea::l7::http1
