#include "l7/http2/call.h"

#include <algorithm>

#include "l7/http/authentication.h"
#include "l7/http/parse_head.h"
#include "l7/http2/server.h"
#include "l7/proxy/exchange.h"

namespace cardea::l7::http2 {
namespace {

using proxy::Exchange;
using proxy::Failure;
using proxy::failure;
using proxy::Reason;

constexpr std::chrono::milliseconds kQuiet{500};  // of a body that nobody wants: longer than a round trip takes

// The head is whole, and as long as the session let it be.
Failure parse(Call& call, Exchange& x) {
  if (call.fault != http::Fault::kNone) return failure(call.fault);
  http::HeadScan scan;
  const http::HeadLimits limits{.bytes_max = call.input.end};
  const http::HeadProgress progress = http::parse_request_head(call.input.left(), limits, scan, x.head);
  if (progress.bad()) return failure(progress.fault);
  x.head.version = http::Version::kHttp20;
  call.input.at += progress.at;
  x.body_at = call.input.at;
  x.record.bytes_in += progress.at;
  describe(x);
  return {};
}

// What authenticates a connection says nothing about a stream of it: such a client is told to come by HTTP/1 (RFC 9113
// 7, HTTP_1_1_REQUIRED).
void read_head(Call& call, Exchange& x) {
  x.record.protocol = "HTTP/2.0";
  x.failure = parse(call, x);
  x.record.head_read = x.now();
  if (x.failure || !http::binds_connection(x.head.headers)) return;
  call.stream.reset(NGHTTP2_HTTP_1_1_REQUIRED);
  x.failure = failure(Reason::kNeedsHttp1);
}

Task<> exchange(Call& call) {
  Exchange x{proxy::Caller(call.server.connection, call.end, call.memory, call.input, call.occupant)};
  read_head(call, x);
  if (!x.failure && call.stream.broken()) x.failure = failure(Reason::kClientClosed);  // before it began
  co_await carry_out(x);
  if (x.answer.state == proxy::Answer::State::kTunnel) co_return;  // which has closed it
  if (x.close) {
    call.stream.close(Close::kReset);
  } else {
    call.stream.shutdown_write();
  }
}

// What is written still has to reach the client, who may be slow as one may who takes a response.
Task<> deliver(Call& call) {
  CallStream& stream = call.stream;
  Loop& loop = stream.loop();
  Pace pace(call.server.connection.service().now().plan->client_pace());
  pace.moved(stream.undelivered());
  while (!stream.delivered() && !stream.broken()) {
    const Instant deadline = pace.wait(loop.now(), stream.undelivered());
    if (deadline <= loop.now()) co_return stream.close(Close::kReset);
    co_await stream.writable(deadline);
  }
}

}  // namespace

Call::Call(Server& its, int32_t id)
    : server(its),
      memory(its.connection.loop().chunks()),
      stream(its.session, id, its.connection.shard().buffers(), its.connection.stream()),
      end(stream, its.fields) {
  ++its.calls_live;
  its.live.push_back(*this);
}

Call::~Call() {
  server.call_ended();
}

// Who sends on when it has its answer is heard out: there are clients that lose an answer if their stream is reset
// before they are done, though RFC 9113 8.1 forbids it. For as long as one by HTTP/1 would be; then it is told that
// nobody reads. Who sends nothing for a while is told so then: curl stops when it sees a refusal, and waits for its
// stream's end.
Task<> run(Call& call) {
  co_await exchange(call);
  co_await deliver(call);
  const ServicePlan& service = *call.server.connection.service().now().plan;
  CallStream& stream = call.stream;
  PaceLimits pace = service.client_pace();
  pace.stall = std::min<std::chrono::milliseconds>(pace.stall, kQuiet);
  if (!stream.closed() && !stream.broken())
    co_await close_after_delivery(call.memory, stream, pace, stream.loop().now() + service.linger_timeout);
  if (!stream.closed()) stream.reset(NGHTTP2_NO_ERROR);
}

}  // namespace cardea::l7::http2
