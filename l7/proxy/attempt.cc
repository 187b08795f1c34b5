// One attempt at one backend: a connection, the request's head with what there is of its body in one write, the rest of
// the body beside the response.
#include <algorithm>

#include "l7/http/edit.h"
#include "l7/http2/backend_stream.h"
#include "l7/proxy/announce.h"
#include "l7/proxy/endpoint_text.h"
#include "l7/proxy/exchange.h"
#include "l7/proxy/header_changes.h"
#include "l7/proxy/identify.h"
#include "l7/proxy/pieces.h"
#include "l7/proxy/trailers.h"
#include "l7/runtime/spawn.h"

namespace cardea::l7::proxy {
namespace {

// To a request's head, at most: forwarding headers, framing, Via, the exchange's id and its trace.
constexpr size_t kAddedBytes = 1408;

// Names it for the record and counts what was asked of it. Its plan may be replaced while the exchange goes on.
void note(Exchange& x, const BackendPlan& plan) {
  x.record.backend = x.arena().copy(plan.name);
  x.backend_rows = plan.rows;
  x.record.attempts++;
}

// Of the stored response that the backend is asked about.
std::string_view validator(const Exchange& x, std::string_view (*of)(const cache::Object&)) {
  return x.caching.conditional ? of(*x.caching.lookup.object) : std::string_view();
}

// Where the route makes one of its own.
std::optional<std::string_view> query_of(const Exchange& x) {
  return x.made ? std::optional(x.made->query) : std::nullopt;
}

http2::BackendStream::Request call_of(const Exchange& x) {
  const http::BodyFraming body = x.admitted.body;
  if (x.admitted.websocket) return {.websocket_key = x.head.headers.value(http::HeaderId::kSecWebsocketKey)};
  return {.body = body.kind == http::BodyKind::kChunked || body.length != 0, .trailers = x.wants_trailers};
}

// Of a backend that speaks HTTP/1, in the client's place.
bool asks_for_trailers(const Exchange& x) {
  return x.wants_trailers && !x.lease.http2() && !x.caller.is_nobody() && !x.admitted.websocket;
}

// What goes before the body.
std::string_view write_head(Exchange& x) {
  const http::RequestHead& head = x.head;
  const AddressText client(x.record.client.address);
  std::optional<AddressText> peer;
  if (x.record.peer.address != x.record.client.address) peer.emplace(x.record.peer.address);
  const PortText port(x.record.listener.port);
  const policy::TrustedProxies& trusted = x.service.policies->trusted_proxies;
  const http::HeaderChanges changes = request_changes(x);
  // X-Forwarded-Host and Forwarded repeat the host, and a path that dots were taken out of may get longer escapes.
  const size_t room = x.body_at + x.head_bytes + kAddedBytes + 2 * x.told.host.size() + x.told.port.size() + 3 * head.authority.text.size() + 3 * head.path.size() +
                      x.record.route->proxy()->host.size() + x.backend_path.size() + query_of(x).value_or("").size() +
                      validator(x, cache::entity_tag).size() + validator(x, cache::last_modified).size() + changes.bytes;
  const http::RequestEdit edit{.body = x.admitted.body,
                               .options = x.admitted.options,
                               .path = x.backend_path,
                               .query = query_of(x),
                               .client = client.view(),
                               .peer = peer ? peer->view() : std::string_view(),
                               .replaces_forwarded_for = x.stranger || trusted.tell_by_another_header(),
                               .forwarded = policies_of(x).forwarded,
                               .strangers_header = x.stranger ? trusted.header() : std::string_view(),
                               .forwarded_host = x.told.host,
                               .scheme = x.scheme(),
                               .port = x.told.port.empty() ? port.view() : x.told.port,
                               .host = x.record.route->proxy()->host,
                               .default_host = x.record.backend,
                               .max_forwards = x.admitted.max_forwards,
                               .websocket = x.admitted.websocket,
                               .trailers = asks_for_trailers(x),
                               .expect = x.admitted.expects_continue && !x.told_to_continue,
                               .revalidate = x.caching.conditional || x.caching.whole,
                               .if_none_match = validator(x, cache::entity_tag),
                               .if_modified_since = validator(x, cache::last_modified),
                               .changes = changes,
                               .id_header = id_for_backend(x),
                               .traceparent = x.record.traceparent};
  const std::span<char> into{x.arena().characters(room), room};
  const auto written = http::write_request(into, head, edit);
  if (!written) return {};
  x.upload.chunked = x.admitted.body.kind == http::BodyKind::kChunked && !x.lease.http2();
  if (!x.lease.http2()) return *written;
  x.lease.http2()->send_request(into.first(written->size()), call_of(x));
  return {};
}

// What of the body came with the head. Again the same at every attempt.
Failure gather_first(Exchange& x, Pieces& pieces) {
  Input& input = x.caller.input;
  Upload& upload = x.upload;
  upload.reader = http::BodyReader(body_framing(x));
  upload.complete = false;
  upload.trailers = {};
  input.at = x.body_at;
  const auto state = pieces.gather(upload.reader, input.left(), upload.chunked);
  input.at += pieces.consumed();
  upload.body_bytes = pieces.body_bytes();
  upload.complete = state == Pieces::State::kEnd;
  if (state == Pieces::State::kBad) return failure(pieces.fault());
  if (!upload.trailers.add(x.shard().buffers(), pieces.trailers())) return failure(Reason::kMemory);
  if (upload.complete) pieces.add(end_of_request(x));
  const uint64_t limit = x.service.body_bytes_max;
  if (limit != 0 && upload.body_bytes > limit) return failure(Reason::kBodyTooLarge);
  return {};
}

// A connection whose end has arrived, unheard by the loop, must not get what cannot be sent again.
upstream::Proof proof_for(const Exchange& x) {
  const bool repeatable = http::is_idempotent(x.head.method) && x.admitted.body.kind == http::BodyKind::kNone;
  return repeatable ? upstream::Proof::kHeard : upstream::Proof::kAsked;
}

upstream::Use use_of(const Exchange& x) {
  if (x.authenticates || x.pool->plan().proxy_header != ProxyVersion::kNone) return upstream::Use::kAlone;
  return x.admitted.websocket ? upstream::Use::kWebsocket : upstream::Use::kRequest;
}

Task<> connect(Exchange& x, upstream::Backend& backend) {
  const std::string_view host = x.backend_host;
  x.record.dialled = {};
  x.lease = x.caller.take_own(backend, host);
  if (!x.lease && x.bound) {
    x.failure = failure(Reason::kBackendClosed);
    upstream::Pool::unclaim(backend);
    co_return;
  }
  const upstream::Use use = use_of(x);
  if (!x.lease) x.lease = x.pool->reuse(backend, host, proof_for(x), use);
  x.record.reused = static_cast<bool>(x.lease);
  if (!x.lease) {
    const Instant began = x.now();
    x.record.dialled = began;
    const std::string_view header = announce(x.arena(), x.pool->plan().proxy_header, x.record, x.caller.connection);
    Result<upstream::Lease> dialled = co_await x.pool->dial(x.arena(), backend, host, header, began, use);
    if (!dialled) {
      const bool timeout = x.now() - began >= x.pool->plan().connect_timeout;
      x.failure = dial_failure(dialled.error(), timeout, x.arena());
      co_return;
    }
    x.lease = std::move(*dialled);
  }
  if (x.authenticates) x.lease.authenticate();
  x.record.connected = x.now();
}

// The head and what came with it may be a megabyte, and as long as the backend takes of it, it is not late with anything.
PaceLimits pace_of_first(const Exchange& x) {
  const std::chrono::milliseconds stall = x.pool->plan().response_timeout;
  return {stall, x.service.rate_min, std::max(stall, x.service.rate_window)};
}

// A write that breaks off midway leaves it to receive() to see whether the backend said why.
Task<> send(Exchange& x, Pieces& pieces) {
  Pace pace(pace_of_first(x));
  const IoResult sent = co_await x.lease.stream().write_all(pieces.span(), pace);
  if (sent.ok() || sent.bytes != 0) x.sent_at = x.now();
  if (sent.ok() && x.upload.complete) end_request(x);
  if (sent.status == IoStatus::kTimeout) {
    x.failure = failure(Reason::kBackendStalled, pace.too_slow() ? "rate_min" : "");
  } else if (!sent.ok() && sent.bytes == 0) {
    x.failure = failure(Reason::kBackendReset);
  }
}

}  // namespace

void end_request(Exchange& x) {
  http2::BackendStream* call = x.lease.http2();
  if (!call || x.admitted.websocket) return;
  if (!x.caller.is_nobody()) call->send_trailers(request_trailers(x));
  call->shutdown_write();
}

Task<> attempt(Exchange& x, upstream::Backend& backend) {
  note(x, upstream::Pool::plan_of(backend));
  co_await connect(x, backend);
  if (x.failure) co_return;
  if (x.client_gone) {
    x.failure = failure(Reason::kClientClosed);
    co_return;
  }
  Pieces pieces;
  pieces.add(write_head(x));
  x.failure = gather_first(x, pieces);
  if (x.failure) co_return;
  count_request(x.shard(), x.backend_rows);
  co_await send(x, pieces);
  if (x.failure) co_return;
  if (x.upload.complete) {
    x.answer.timed = true;
    x.watch.start();
    co_await receive(x);
    co_return;
  }
  x.upload.under_way = true;
  co_await both(upload(x), receive(x));
}

}  // namespace cardea::l7::proxy
