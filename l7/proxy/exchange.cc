#include "l7/proxy/exchange.h"

#include <cerrno>

#include "l7/http/authentication.h"
#include "l7/http/fields.h"
#include "l7/http/grpc.h"
#include "l7/http2/backend_stream.h"
#include "l7/policy/balance_key.h"
#include "l7/policy/place_table.h"
#include "l7/proxy/again.h"
#include "l7/proxy/early_hints.h"
#include "l7/proxy/forward_auth.h"
#include "l7/proxy/guard.h"
#include "l7/proxy/header_changes.h"
#include "l7/proxy/identify.h"
#include "l7/proxy/inspect.h"
#include "l7/proxy/meter.h"
#include "l7/proxy/mirror.h"
#include "l7/proxy/renewal.h"
#include "l7/proxy/request_buffering.h"

namespace cardea::l7::proxy {
namespace {

std::string_view text_of(http::Version version) {
  return version == http::Version::kHttp11 ? "HTTP/1.1" : version == http::Version::kHttp20 ? "HTTP/2.0" : "HTTP/1.0";
}

Failure failure_of(const policy::Refusal& refusal, http::Method method) {
  switch (refusal.why) {
    case policy::Refusal::Why::kFault:
      return failure(refusal.fault);
    case policy::Refusal::Why::kBodyTooLarge:
      return failure(Reason::kBodyTooLarge);
    case policy::Refusal::Why::kNoRoute:
      return failure(Reason::kNoRoute);
    case policy::Refusal::Why::kMaxForwards:
      return failure(method == http::Method::kTrace ? Reason::kTraceEndsHere : Reason::kMaxForwards);
  }
  return failure(Reason::kNoRoute);
}

// A pooled connection that its backend had closed is nobody's fault.
void blame(Exchange& x) {
  if (!x.lease || x.failure.origin != Origin::kBackend) return;
  if (x.failure.is(Reason::kBackendRefused) || x.failure.is(Reason::kUnwantedStatus)) return;  // heard() judged it
  const bool closed_idle = may_have_died_idle(x) && !x.answer.begun &&
                           (x.failure.is(Reason::kBackendClosed) || x.failure.is(Reason::kBackendReset));
  if (!closed_idle) x.lease.blame();
}

// Its place is free for the next attempt, which may find no other.
void give_up_attempt(Exchange& x) {
  x.watch.stop();
  x.lease.close(Close::kReset);
  x.response.drop();
}

// The next attempt begins as the first did.
void start_over(Exchange& x) {
  x.failure = {};
  x.answer = {};
  x.sent_at = {};
}

// A backend that did not act on it, because it ends that connection or had no room for one more call there, is asked
// once more by another.
bool may_ask_again(const Exchange& x) {
  return x.failure.is(Reason::kBackendRefused) && x.record.attempts == 1;
}

// NTLM's handshake is several requests of one connection (RFC 4559 6).
void note_authentication(Exchange& x) {
  x.authenticates = http::binds_connection(x.head.headers);
  if (!x.authenticates) return;
  const bool owns = x.caller.own_backend(*x.pool, x.backend_host) != nullptr;
  x.bound = owns || x.caller.lost_own();
}

// What explain tells of it behind its end.
TriedBackend& begin_try(Exchange& x) {
  TriedBackend* const made = x.arena().make<TriedBackend>();
  made->before = std::exchange(x.record.tried, made);
  made->began = x.now();
  made->choice = x.record.choice;
  return *made;
}

void end_try(const Exchange& x, TriedBackend& tried) {
  tried.backend = x.record.backend;
  tried.reused = x.record.reused;
  tried.reason = x.failure ? x.failure.word : word(Reason::kOk);
  tried.detail = x.failure.detail;
  tried.ended = x.now();
}

}  // namespace

void keep_backend(Exchange& x) {
  const bool clean = x.answer.reusable && x.upload.complete && x.response.empty();
  x.response.drop();
  if (clean && x.lease.is_own()) return x.caller.keep_own(std::move(x.lease));
  if (clean) return x.lease.keep();
  x.lease.close(x.upload.complete ? Close::kOrderly : Close::kReset);
}

// Tries backends until one answered, none is left, or the failure is not one to repeat.
Task<> forward(Exchange& x) {
  const uint64_t hash = *policy::balance_key(x.pool->plan(), x.plan->plan->hash_key,
                                             {&x.record.client, x.record.listener, &x.head});
  note_authentication(x);
  x.pool->retries().earn(x.pool->plan().retry.budget);
  send_early_hints(x);
  for (;;) {
    auto chosen = choose_place(x, hash);
    if (may_queue(x, chosen)) {
      const Failure refused = co_await wait_for_place(x, hash, chosen);
      if (refused.is(Reason::kClientClosed) || !x.failure) x.failure = refused;
      if (refused) co_return;
    }
    if (!chosen) {
      if (!x.failure) x.failure = nothing_serves(x.shard(), *x.record.pool, chosen.error());
      co_return;
    }
    if (x.record.attempts != 0) start_over(x);
    x.record.choice = choice_word(x, **chosen);
    TriedBackend& tried = begin_try(x);
    co_await attempt(x, **chosen);
    end_try(x, tried);
    if (!x.failure && x.answer.state != Answer::State::kAskAgain) co_return;
    if (!x.failure) {
      keep_backend(x);
      continue;
    }
    blame(x);
    if (!takes_elsewhere(x)) co_return;
    give_up_attempt(x);
    if (!may_ask_again(x)) x.tried.add(*chosen);
  }
}

namespace {

void conclude(Exchange& x, const Failure& failed) {
  Record& record = x.record;
  record.ended = x.now();
  if (failed) {
    record.reason = failed.word;
    record.detail = failed.detail;
    record.origin = failed.origin;
    record.cut = x.answer.sent;
    if (record.status == 0) record.status = failed.is(Reason::kClientClosed) ? 499 : failed.status;
  }
  if (gave_up_on_client(failed)) count(x.shard(), x.service.rows.slow_clients);
  record.bytes_in += body_bytes_in(x);
  if (!x.caller.is_nobody()) record.bytes_in += x.end().trailers(x).size();
  meter_rest(x);
  write(x.shard(), record);
}

// The one place where a failure becomes an answer or the end.
Task<> settle(Exchange& x) {
  const Failure failed = x.failure;
  x.watch.stop();
  if (!failed) {
    conclude(x, failed);
    if (x.lease) keep_backend(x);
    co_return;
  }
  x.lease.close(Close::kReset);
  x.response.drop();
  if (x.answer.sent) {
    x.close = true;
    x.end().cut(x);
  } else if (x.client_gone || failed.is(Reason::kClientClosed) || failed.is(Reason::kClientStalled)) {
    x.close = true;
    x.client().close(Close::kReset);
  } else {
    co_await reply(x, failed);
  }
  conclude(x, failed);
}

// A failure that the client need not see, because something stale will do. What failed is blamed and logged all the
// same.
Failure take_stale(Exchange& x) {
  const Failure failed = x.failure;
  if (!failed || failed.status < 500 || !stale_may_answer(x)) return {};
  x.lease.close(Close::kReset);
  x.response.drop();
  x.failure = {};
  x.caching.conditional = false;
  x.caching.answers = true;
  x.record.cache = cache::word(cache::Result::kStale);
  return failed;
}

}  // namespace

template <typename Begin>
Exchange::Exchange(const Caller& by, ShardPlanPointer by_plan, const ServicePlan& of, InPlace, const Begin& begin)
    : caller(by),
      plan(std::move(by_plan)),
      service(of),
      head(*by.arena.make<http::RequestHead>()),
      record(begin()),
      from_client(service.client_pace()),
      to_client(service.client_pace()) {}

Exchange::Exchange(const Caller& by, ShardPlanPointer by_plan, const ServicePlan& of, const Record& begun)
    : Exchange(by, std::move(by_plan), of, InPlace(), [&begun] { return begun; }) {}

Exchange::Exchange(const Caller& by)
    : Exchange(by, by.connection->service().plan, *by.connection->service().now().plan, InPlace(), [&by] {
        const LiveService& its = by.connection->service();
        return begin_record(*by.connection, *its.now().plan, its.plan->plan->generation);
      }) {
  if (by.tls) record.tls_version = by.connection->tls()->version(), record.tls_ja4 = by.connection->tls()->ja4().text();
}

Exchange::~Exchange() {
  for (const HeldPlace* one = held; one != nullptr; one = one->next) one->of->leave(one->key);
}

Failure client_failure(const IoResult& result, Reason on_timeout, const Pace& pace) {
  if (result.status != IoStatus::kTimeout) return failure(Reason::kClientClosed);
  return failure(on_timeout, pace.too_slow() ? "rate_min" : "");
}

namespace {

bool says_trailers(const http::Headers& headers) {
  std::string_view list = headers.value(http::HeaderId::kTe);
  while (const auto coding = http::next_element(list)) {
    if (http::equal_without_case(*coding, "trailers")) return true;
  }
  return false;
}

// A stream of messages may be silent for as long as a tunnel may: it is no body that somebody is slow with. As long as
// only the client says that it is one, no more than what it sends may be (receive.cc).
void note_messages(Exchange& x) {
  const http::Headers& headers = x.head.headers;
  x.wants_trailers = x.head.version != http::Version::kHttp10 && says_trailers(headers);
  x.grpc = x.head.version == http::Version::kHttp20 && http::is_grpc(headers.value(http::HeaderId::kContentType));
  if (x.grpc) x.from_client = Pace({.stall = x.service.idle_timeout});
}

// Whom a proxy in front speaks for.
void hear_proxy(Exchange& x) {
  const policy::TrustedProxies& trusted = x.service.policies->trusted_proxies;
  if (trusted.empty()) return;
  x.stranger = !trusted.trusts(x.record.peer.address);
  if (x.stranger) return;
  x.told = trusted.told(x.head.headers);
  if (x.told.client) x.record.client = {*x.told.client, 0};
}

}  // namespace

void describe(Exchange& x) {
  const http::RequestHead& head = x.head;
  note_messages(x);
  hear_proxy(x);
  Record& record = x.record;
  record.method = head.method_text;
  record.host = head.authority.text;
  record.path = head.path;
  record.query = head.query;
  record.protocol = text_of(head.version);
  record.user_agent = head.headers.value(http::HeaderId::kUserAgent);
  record.referer = head.headers.value(http::HeaderId::kReferer);
  identify(x);
}

Failure admit(Exchange& x) {
  std::span<char> scratch;
  if (!route::is_plain(x.head.path)) {
    const size_t size = route::scratch_size(x.head.path);
    scratch = {x.arena().characters(size), size};
  }
  const auto admitted = policy::admit(x.service, x.head, x.record.client.address, scratch);
  x.framed = admitted || admitted.error().why != policy::Refusal::Why::kFault;
  x.admitted = admitted ? *admitted : admitted.error().known;
  x.upload.reader = http::BodyReader(body_framing(x));
  if (!admitted) return failure_of(admitted.error(), x.head.method);
  const RoutePlan& route = x.service.routes[x.admitted.match.route];
  x.record.route = &route;
  const route::Proxy* proxy = route.proxy();
  if (proxy == nullptr) return find_answer(x);
  return take_way(x, *proxy, choose_share(x, *proxy));
}

http::BodyFraming body_framing(const Exchange& x) {
  return x.caller.is_nobody() ? x.admitted.body : x.end().arriving(x.admitted.body);
}

void begin_answer(Exchange& x) {
  x.answer.sent = true;
  x.record.status = x.answer.status;
}

Task<> carry_out(Exchange& x) {
  if (!x.failure) x.failure = admit(x);
  if ((!x.failure || x.failure.is(Reason::kNoRoute)) && policies_of(x).guards())
    if (const Failure stopped = co_await guard(x)) x.failure = stopped;
  if (!x.failure && !x.refusal && policies_of(x).waf && !is_preflight(x)) x.failure = co_await inspect(x, *policies_of(x).waf);
  if (x.refusal) {
    co_await tell_refusal(x);
    co_await settle(x);
    co_return;
  }
  if (!x.failure && (x.pool == nullptr || is_preflight(x))) {
    co_await (is_preflight(x) ? answer_preflight(x) : answer_here(x));
    co_await settle(x);
    co_return;
  }
  if (!x.failure) x.failure = ask_cache(x);
  if (!x.failure && !x.caching.answers && policies_of(x).mirror) x.failure = co_await mirror(x, *policies_of(x).mirror);
  const size_t buffered = policies_of(x).buffered_bytes;
  if (!x.failure && !x.caching.answers && buffered != 0) x.failure = co_await buffer_request(x, buffered);
  if (!x.failure && !x.caching.answers) co_await forward(x);
  const Failure failed = take_stale(x);
  if (x.caching.answers) {
    renew_behind(x);
    co_await serve_stored(x);
  }
  if (failed) x.record.reason = failed.word;
  co_await settle(x);
}

}  // namespace cardea::l7::proxy
