#include "l7/proxy/caching.h"

#include <algorithm>
#include <charconv>

#include "l7/http/conditional.h"
#include "l7/http/edit.h"
#include "l7/http/fields.h"
#include "l7/http/vary.h"
#include "l7/proxy/exchange.h"
#include "l7/proxy/header_changes.h"
#include "l7/proxy/identify.h"
#include "l7/proxy/own_head.h"
#include "l7/proxy/told.h"

namespace cardea::l7::proxy {
namespace {

constexpr size_t kAddedBytes = 768;  // to a stored head, at most
constexpr size_t kToldMax = 2048;    // to a share's origin: more is not looked up

cache::Request request_of(Exchange& x) {
  return {.head = &x.head,
          .options = &x.admitted.options,
          .scheme = x.scheme(),
          .port = x.record.listener.port,
          .path = x.admitted.path.forward,
          .pool = origin_of(x),
          .now = x.record.unix_ms / 1000,
          .authorized = x.authorized,
          .since = x.caching.lookup.since};
}

bool is_safe(http::Method method) {
  return method == http::Method::kGet || method == http::Method::kHead || method == http::Method::kOptions ||
         method == http::Method::kTrace;
}

bool has_body(const Exchange& x) {
  return x.admitted.body.kind == http::BodyKind::kChunked || x.admitted.body.length != 0;
}

// A head with a body behind it, as one array that a write may use up.
std::span<iovec> gather(Exchange& x, std::string_view head, std::span<const iovec> body) {
  auto* pieces = static_cast<iovec*>(x.arena().allocate((body.size() + 1) * sizeof(iovec)));
  pieces[0] = {const_cast<char*>(head.data()), head.size()};
  std::copy(body.begin(), body.end(), pieces + 1);
  return {pieces, body.size() + 1};
}

// "cardea; hit; ttl=57"; negative: stale for so long (RFC 9211 2.1, 2.3).
std::string_view hit_status(Exchange& x) {
  if (x.caching.conditional && x.record.cache == "revalidated") return "cardea; fwd=stale; fwd-status=304";
  constexpr std::string_view kText = "cardea; hit; ttl=";
  char* text = x.arena().characters(kText.size() + 20);
  std::copy(kText.begin(), kText.end(), text);
  const char* end = std::to_chars(text + kText.size(), text + kText.size() + 20, x.caching.lookup.fresh_for).ptr;
  return {text, size_t(end - text)};
}

bool is_server_failure(uint16_t status) {
  return status == 500 || status == 502 || status == 503 || status == 504;
}

bool has_validator(const cache::Object& object) {
  return !cache::entity_tag(object).empty() || !cache::last_modified(object).empty();
}

// Whether the response may become an object, as far as the request goes and what is known of its URL.
bool fills(const Exchange& x) {
  const cache::Result result = x.caching.lookup.result;
  const bool wanted =
      result == cache::Result::kStale || (result == cache::Result::kMiss && !x.caching.lookup.uncacheable);
  return x.head.method == http::Method::kGet && wanted;
}

void decide_end(Exchange& x) {
  x.end().drop_body(x);
  x.close = x.end().ends_with(x, http::BodyKind::kLength);
}

// The pieces of memory that hold this part of them.
std::span<const iovec> cut(Exchange& x, std::span<const iovec> whole, uint64_t skip, uint64_t length) {
  auto* pieces = static_cast<iovec*>(x.arena().allocate(whole.size() * sizeof(iovec)));
  size_t count = 0;
  for (const iovec& piece : whole) {
    const uint64_t skipped = std::min<uint64_t>(skip, piece.iov_len), size = std::min(piece.iov_len - skipped, length);
    skip -= skipped;
    length -= size;
    if (size != 0) pieces[count++] = {static_cast<char*>(piece.iov_base) + skipped, size};
  }
  return {pieces, count};
}

// A 200 becomes a 304, a 206 or a 416 where the client asks for that. Returns the Content-Range.
std::string_view fit_to_client(Exchange& x, const cache::Object& object, cache::Stored& stored) {
  const auto become = [&stored](uint16_t status) { stored.head.status = status, stored.head.reason = {}; };
  if (cache::not_modified(x.head, object)) {
    become(304);
    stored.body = {};
    return {};
  }
  const uint64_t size = stored.body_size;
  const http::ByteRange range = cache::wanted_range(x.head, object);
  if (range.kind == http::ByteRange::Kind::kWhole) return {};
  if (range.kind == http::ByteRange::Kind::kPart) {
    become(206);
    stored.body = cut(x, stored.body, range.first, range.length);
  } else {
    become(416);
    stored.head.headers.clear();
    stored.body = {};
  }
  stored.body_size = range.length;
  return content_range(x, range, size);
}

std::string_view write_head(Exchange& x, const cache::Stored& stored, std::string_view content_range, size_t size) {
  const bool no_body = stored.head.status == 304 || stored.head.status == 204;
  const http::BodyFraming body = no_body ? http::BodyFraming{}
                                         : http::BodyFraming{http::BodyKind::kLength, stored.body_size};
  choose_coding(x, stored.head, stored.body_size, !no_body && x.head.method != http::Method::kHead);
  const http::HeaderChanges changes = response_changes(x, &stored.head.headers);
  size += changes.bytes;
  http::ResponseEdit edit{
      .body = frame_own(x, body),
      .options = {},
      .method = x.head.method,
      .client_version = x.head.version,
      .close = x.close,
      .date = x.shard().date(x.record.unix_ms / 1000),
      .age = x.caching.lookup.age,
      .content_range = content_range,
      .cache_status = hit_status(x),
      .changes = changes,
      .id_header = id_for_client(x)};
  mark(x.compressing, edit);
  const auto written = x.end().write_head({x.arena().characters(size), size}, stored.head, edit);
  return written ? *written : std::string_view();
}

// How long its lines are together: what was parsed lies in one piece of the object's memory.
size_t size_of(const http::ResponseHead& head) {
  size_t size = 64 + head.reason.size();
  for (const http::Header& header : head.headers) size += header.name().size() + header.value().size() + 4;
  return size;
}

std::span<iovec> compose(Exchange& x, const cache::Object& object) {
  cache::Stored stored = cache::stored(object);
  const std::string_view range = fit_to_client(x, object, stored);
  x.answer.status = x.record.status = stored.head.status;
  const std::string_view head = write_head(x, stored, range, size_of(stored.head) + kAddedBytes);
  return gather(x, head, x.head.method == http::Method::kHead ? std::span<const iovec>() : stored.body);
}

}  // namespace

Failure ask_cache(Exchange& x) {
  Caching& caching = x.caching;
  if (x.record.route->proxy()->cache < 0) return {};
  const CachePlan& plan = x.plan->plan->caches[size_t(x.record.route->proxy()->cache)];
  x.record.cache_plan = &plan;
  x.record.cache = cache::word(cache::Result::kBypass);
  caching.status = "cardea; fwd=bypass";
  if (has_body(x) || x.admitted.websocket || x.head.authority.text.empty()) return {};
  if (x.caller.own_backend(*x.pool, x.backend_host)) return {};  // what comes is for this client's eyes
  if (origin_of(x).size() > x.share->origin.size() + kToldMax) return {};
  x.authorized = x.authorized || is_known_by_certificate(x);
  caching.cache = plan.cache.get();
  caching.lookup = caching.cache->find(request_of(x));
  x.record.cache = cache::word(caching.lookup.result);
  caching.whole = fills(x);
  switch (caching.lookup.result) {
    case cache::Result::kHit:
      caching.answers = true;
      break;
    case cache::Result::kStale:
      caching.conditional = has_validator(*caching.lookup.object);
      x.record.cache = cache::word(cache::Result::kMiss);  // unless it will answer after all
      caching.status = "cardea; fwd=stale";
      break;
    case cache::Result::kMiss:
      caching.status = "cardea; fwd=miss";
      break;
    case cache::Result::kBypass:
      break;
    case cache::Result::kOnlyCached:
      return failure(Reason::kOnlyCached);
  }
  return {};
}

void ask_for_renewal(Exchange& x, cache::ObjectPointer object, uint64_t since) {
  Caching& caching = x.caching;
  x.record.cache_plan = &x.plan->plan->caches[size_t(x.record.route->proxy()->cache)];
  caching.cache = x.record.cache_plan->cache.get();
  caching.conditional = has_validator(*object);
  caching.whole = true;
  caching.lookup.result = cache::Result::kStale;
  caching.lookup.object = std::move(object);
  caching.lookup.may_serve_stale = true;  // an error is a failure, and not what is asked for
  caching.lookup.since = since;
}

bool client_has(const Exchange& x, const http::ResponseHead& head) {
  return x.caching.whole && http::not_modified(x.head, head, x.record.unix_ms / 1000);
}

namespace {

// What comes over a connection that its backend authenticates is for this client's eyes: neither the answer becomes an
// object nor its headers an object's.
CacheVerdict show_own(Exchange& x, const http::ResponseHead& head) {
  Caching& caching = x.caching;
  if (!caching.conditional || head.status != 304) return CacheVerdict::kRelay;
  caching.conditional = false;
  caching.lookup.object.reset();
  return CacheVerdict::kAskAgain;
}

// What was written by one share may be read by any of the route's.
void invalidate(Exchange& x) {
  cache::Request request = request_of(x);
  for (const route::Share& share : x.record.route->proxy()->shares) {
    request.pool = share.origin;
    x.record.cache_plan->cache->invalidate(request);
  }
}

bool is_told(const policy::ForwardAuth* auth, std::string_view name) {
  return auth != nullptr && std::ranges::any_of(auth->answer_headers, [name](const std::string& its) {
    return http::equal_without_case(its, name);
  });
}

// The exchange's id, and its trace where that begins here.
bool is_of_the_exchange(const Exchange& x, std::string_view name) {
  return http::equal_without_case(name, x.service.id.header) ||
         (!x.record.traceparent.empty() && http::equal_without_case(name, "traceparent"));
}

// By a header whose value is another for each request (request_headers, ids), or comes from a service that was asked
// (forward_auth).
bool varies_by_ours(const Exchange& x, const http::ResponseHead& head) {
  bool varies = false;
  const policy::Policies& policies = *x.record.route->policies;
  http::for_each_varying(head.headers, [&](std::string_view name) {
    varies |= policies.request_headers.varies(name) || is_told(policies.forward_auth.get(), name) || is_of_the_exchange(x, name);
  });
  return varies;
}

}  // namespace

CacheVerdict show_cache(Exchange& x, const http::ResponseHead& head, http::BodyFraming body) {
  Caching& caching = x.caching;
  if (!x.record.cache_plan) return CacheVerdict::kRelay;
  if (!is_safe(x.head.method)) {
    if (head.status < 400) invalidate(x);
    return CacheVerdict::kRelay;
  }
  if (!caching.cache) return CacheVerdict::kRelay;
  if (x.lease.is_authenticated()) return show_own(x, head);
  if (caching.conditional && head.status == 304) {
    caching.lookup.object = caching.cache->refresh(request_of(x), std::move(caching.lookup.object), head);
    caching.conditional = static_cast<bool>(caching.lookup.object);
    if (!caching.conditional) return CacheVerdict::kAskAgain;
    caching.lookup.age = cache::age(*caching.lookup.object, x.record.unix_ms / 1000);
    x.record.cache = "revalidated";
    caching.answers = true;
    return CacheVerdict::kAnswer;
  }
  if (is_server_failure(head.status) && stale_may_answer(x)) return CacheVerdict::kStaleInstead;
  const bool fills = caching.lookup.result == cache::Result::kMiss || caching.lookup.result == cache::Result::kStale;
  if (fills && !varies_by_ours(x, head)) {
    caching.writer = caching.cache->begin(request_of(x), head, body);
    if (caching.writer)
      caching.status = caching.lookup.object ? "cardea; fwd=stale; stored" : "cardea; fwd=miss; stored";
  }
  return CacheVerdict::kRelay;
}

void store(Exchange& x, const Pieces& pieces) {
  if (!x.caching.writer) return;
  for (const iovec& piece : pieces.body()) {
    if (x.caching.writer->append({static_cast<const char*>(piece.iov_base), piece.iov_len})) continue;
    x.caching.cache->give_up(request_of(x));
    return x.caching.writer.reset();
  }
}

void finish_storing(Exchange& x) {
  if (!x.caching.writer) return;
  x.caching.stored = x.caching.writer->finish();
  x.caching.writer.reset();
}

bool stale_may_answer(const Exchange& x) {
  return x.caching.lookup.object && x.caching.lookup.may_serve_stale && !x.answer.sent;
}

Task<> serve_stored(Exchange& x) {
  decide_end(x);
  const std::span<iovec> pieces = compose(x, *x.caching.lookup.object);
  if (!x.compressing.under_way) {
    co_await send_whole(x, pieces);
    co_return;
  }
  const std::string_view head(static_cast<const char*>(pieces[0].iov_base), pieces[0].iov_len);
  const Failure failed = co_await send_compressed(x, head, pieces.subspan(1));
  x.failure = failed;
}

}  // namespace cardea::l7::proxy
