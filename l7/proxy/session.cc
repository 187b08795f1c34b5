// A client's connection from its first byte to its last: the PROXY protocol's header, the TLS handshake, then what its
// service speaks.
#include <algorithm>

#include "l7/http1/session.h"
#include "l7/http2/serve.h"
#include "l7/proxy/linger.h"
#include "l7/proxy/listener.h"
#include "l7/proxy/read_proxy_header.h"
#include "l7/proxy/record.h"
#include "l7/proxy/tunnel.h"

namespace cardea::l7::proxy {
namespace {

constexpr std::string_view kPlainToTls =
    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 22\r\n"
    "Connection: close\r\n\r\nBad Request: not_tls\r\n";

void record_handshake(Connection& c, const ShardPlan::Service& service, uint64_t generation, const tls::Handshake& done,
                      Instant began) {
  Record record = begin_record(c, *service.plan, generation);
  record.protocol = "tls";
  record.reason = word(done.failure);
  record.detail = done.detail;
  record.tls_ja4 = c.tls()->ja4().text();
  record.began = began;
  record.ended = c.loop().now();
  write_line(c.shard(), record);
}

// Who spoke plain HTTP and heard nothing yet is told in plain HTTP; inside a TLS conversation the alert is the answer
// (RFC 8446 6.2), and must not be lost to what we leave unread.
Task<> tell_why(Arena& arena, Connection& c, const tls::Handshake& done, Mode mode) {
  const Instant deadline = c.loop().now() + kLinger;
  if (done.plain_text && mode == Mode::kHttp) {
    const IoResult told = co_await c.socket().write_all(kPlainToTls, deadline);
    if (!told.ok()) co_return;
  } else if (!done.spoke || done.failure == tls::Failure::kClosed) {
    co_return;
  }
  co_await linger(arena, c, c.socket(), kLinger);
}

// True: TLS is up.
Task<bool> shake_hands(Arena& arena, Connection& c, Instant deadline) {
  const ShardPlanPointer plan = c.service().plan;  // whose context the handshake uses
  const ShardPlan::Service& service = c.service().now();
  const ServiceRows& rows = service.plan->rows;
  const Instant began = c.loop().now();
  if (!service.tls) {  // its context could not be made, which is logged: never plain text instead
    count(c.shard(), rows.handshakes_failed);
    co_return false;
  }
  tls::TlsStream& stream = c.start_tls(*service.tls);
  const tls::Handshake done = co_await stream.handshake(deadline);
  if (done.ok()) {
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(c.loop().now() - began);
    c.handshake_us = uint32_t(std::max<int64_t>(took.count(), 1));
    count(c.shard(), rows.handshakes);
    if (stream.resumed()) count(c.shard(), rows.handshakes_resumed);
    co_return true;
  }
  count(c.shard(), rows.handshakes_failed);
  record_handshake(c, service, plan->plan->generation, done, began);
  co_await tell_why(arena, c, done, service.plan->mode);
  co_return false;
}

// What comes before the service's own bytes; false: the connection ended there. A frame of its own, which an idle
// connection does not hold any more.
Task<bool> begin(Arena& arena, Connection& c) {
  const Instant deadline = c.loop().now() + c.service().now().plan->request_timeout;
  if (c.service().now().plan->expects_proxy_header(c.client().address)) {
    const bool introduced = co_await read_proxy_header(arena, c, deadline);
    if (!introduced) co_return false;
  }
  if (!c.service().now().plan->has_tls()) co_return true;
  const bool secure = co_await shake_hands(arena, c, deadline);
  co_return secure;
}

}  // namespace

Task<> serve(Connection& c) {
  const bool begun = co_await begin(c.arena(), c);
  if (!begun) co_return;
  if (c.service().now().plan->mode == Mode::kTcp) {
    co_await serve_tcp(c);
  } else {
    bool http2 = c.tls() && c.tls()->alpn() == "h2";
    if (!http2) http2 = co_await http1::serve(c);
    if (http2) co_await http2::serve(c);
    if (c.stream().undelivered() > kLeftToKernel)
      co_await linger(c.arena(), c, c.stream(), c.service().now().plan->body_timeout);
  }
  c.stream().close(Close::kOrderly);
}

}  // namespace cardea::l7::proxy
