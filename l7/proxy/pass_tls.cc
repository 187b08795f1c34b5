#include "l7/proxy/pass_tls.h"

#include <array>
#include <cerrno>

#include "l7/proxy/read_first.h"
#include "l7/proxy/record.h"
#include "l7/tls/client_hello.h"
#include "l7/tls/ja4.h"

namespace cardea::l7::proxy {
namespace {

using tls::HelloState;

Failure failure_of(const IoResult& got) {
  if (got.error == ENOMEM) return failure(Reason::kMemory);
  return failure(got.status == IoStatus::kTimeout ? Reason::kRequestTimeout : Reason::kClientClosed);
}

// A beginning that fills its buffer goes on in a larger one. False: there is none.
bool make_room(Connection& c) {
  return !c.input.full() || c.input.move_to(c.shard().buffers().take_for_new(tls::kHelloMax));
}

// Until it is known what comes.
Task<Failure> await_hello(Arena& arena, Connection& c, HelloState& state, Instant deadline) {
  if (c.input.empty()) {
    const IoResult first = co_await read_first(arena, c, deadline);
    if (!first.ok()) co_return failure_of(first);
  }
  UnfinishedHead unfinished(c.socket());
  c.shard().add_unfinished(unfinished);
  for (tls::HelloScan scan;;) {
    state = tls::scan_hello(c.input.left(), scan);
    if (state != HelloState::kMore) co_return Failure{};
    if (!make_room(c) || unfinished.gives_way) co_return failure(Reason::kMemory);
    const IoResult got = co_await c.socket().read(c.input.room(), deadline);
    c.input.end += got.bytes;
    if (!got.ok() && !unfinished.gives_way) co_return failure_of(got);
  }
}

// By the name as a client asks for it, or by none.
void take_way(const Connection& c, const ServicePlan& service, const tls::ClientHello& hello, TlsWay& way) {
  const auto match = service.table.match(route::HostName(hello.server_name), "/",
                                         {.client = c.client().address, .alpn = hello.alpn});
  if (match) {
    way.route = &service.routes[match->route];
  } else {
    way.failure = failure(Reason::kNoRoute);
    way.alert = tls::kUnrecognizedName;
  }
}

void read_name(Connection& c, const ServicePlan& service, TlsWay& way) {
  std::array<char, tls::kHelloMax> room;  // touched only where the message came in several records
  tls::ClientHello hello;
  const bool good = tls::read_hello(c.input.left(), room, hello);
  way.server_name = c.exchange_arena().copy(hello.server_name);
  way.ja4 = c.exchange_arena().copy(tls::Ja4::of(hello.message).text());
  if (good) return take_way(c, service, hello, way);
  way.failure = failure(Reason::kBadHello);
  way.alert = tls::kDecodeError;
}

}  // namespace

Task<> read_way(Arena& arena, Connection& c, const ServicePlan& service, TlsWay& way) {
  const Instant deadline = c.loop().now() + service.request_timeout;
  HelloState state{};
  way.failure = co_await await_hello(arena, c, state, deadline);
  if (way.failure) co_return;
  if (state == HelloState::kDone) {
    read_name(c, service, way);
  } else if (state == HelloState::kNotTls) {
    take_way(c, service, {}, way);
    way.alert = {};
    way.failure.detail = "not_tls";
  } else {
    way.failure = failure(Reason::kBadHello, state == HelloState::kTooLarge ? "too_large" : "");
    way.alert = tls::kDecodeError;
  }
}

}  // namespace cardea::l7::proxy
