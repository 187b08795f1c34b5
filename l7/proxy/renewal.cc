#include "l7/proxy/renewal.h"

#include <memory>
#include <string>

#include "l7/proxy/exchange.h"
#include "l7/proxy/identify.h"
#include "l7/proxy/on_behalf.h"
#include "l7/proxy/told.h"
#include "l7/runtime/spawn.h"

namespace cardea::l7::proxy {
namespace {

// What outlives the client's exchange: the request in memory of its own, the plan that it was admitted by, the object.
struct Renewal {
  explicit Renewal(Exchange& x);
  Arena& arena() { return own; }
  Caller caller() { return {shard, exchange, input, tls}; }

  Shard& shard;
  const HostPlace place;
  const ShardPlanPointer plan;
  const ServicePlan& service;
  const RoutePlan* const route;
  const route::Match match;
  const route::Share* const share;
  const std::string head;
  const bool tls;
  std::string_view origin;
  Record record;
  const CacheRows& rows;  // of the plan
  cache::Claim claim;
  const uint64_t since;
  Arena own, exchange;
  const ClientOnBehalf client;  // for whose sake it is asked again
  Input input;  // there is nothing behind the head
};

Record begin_record_of(const Exchange& x) {
  Record record;
  record.service = x.record.service;
  record.made_id = x.shard().ids().next();
  record.client = x.record.client;
  record.peer = x.record.peer;
  record.listener = x.record.listener;
  record.protocol = x.record.protocol;
  record.tls_version = x.record.tls_version;
  record.began = x.now();
  record.unix_ms = x.shard().unix_ms();
  return record;
}

Renewal::Renewal(Exchange& x)
    : shard(x.shard()),
      place(x.shard().shared().renewals),
      plan(x.plan),
      service(x.service),
      route(x.record.route),
      match(x.admitted.match),
      share(x.share),
      head(head_as_it_came(x)),
      tls(x.is_secure()),
      record(begin_record_of(x)),
      rows(x.record.cache_plan->rows),
      claim(std::move(x.caching.lookup.renewal)),
      since(x.caching.lookup.since),
      own(x.loop().chunks()),
      exchange(x.loop().chunks()),
      client(x, own) {
  record.user = own.copy(x.record.user);
  record.tls_ja4 = own.copy(x.record.tls_ja4);
  origin = own.copy(origin_of(x));
}

// The same request again, whole and by GET whatever the client wanted of it. False: it is none any more.
bool ask_again(Exchange& x, Renewal& renewal) {
  http::HeadScan scan;
  const http::HeadLimits limits{.bytes_max = x.service.header_bytes_max};
  if (!http::parse_request_head(renewal.head, limits, scan, x.head).done()) return false;
  x.head_bytes = renewal.head.size();
  x.head.method = http::Method::kGet;
  x.head.method_text = "GET";
  renewal.client.give_to(x);
  identify(x);
  if (admit(x)) return false;
  // By the way that the client's own went: GET may have another route, and a split another share.
  x.record.route = renewal.route;
  x.admitted.match = renewal.match;
  take_way(x, *renewal.route->proxy(), *renewal.share);
  ask_for_renewal(x, renewal.claim.object(), renewal.since);
  return origin_of(x) == renewal.origin;  // else the backend would see somebody else: of certificates nobody tells
}

uint32_t row_of(const Exchange& x, const CacheRows& rows) {
  if (x.failure) return rows.renewals_failed;
  if (x.answer.state == Answer::State::kStored) return rows.renewals_confirmed;
  return x.caching.stored ? rows.renewals_replaced : rows.renewals_failed;
}

Task<> renew(Renewal& renewal) {
  co_await renewal.shard.loop().yield();
  Exchange x(renewal.caller(), renewal.plan, renewal.service, renewal.record);
  if (!ask_again(x, renewal)) co_return count(x.shard(), renewal.rows.renewals_failed);
  co_await forward(x);
  leave_backend(x);
  count(x.shard(), row_of(x, renewal.rows));
}

}  // namespace

void renew_behind(Exchange& x) {
  cache::Claim& claim = x.caching.lookup.renewal;
  if (!claim) return;
  if (!x.shard().shared().renewals->take(kRenewalsMax)) {
    claim.give_up();
    return count(x.shard(), x.record.cache_plan->rows.renewals_skipped);
  }
  spawn(x.loop(), renew, std::make_unique<Renewal>(x));
}

}  // namespace cardea::l7::proxy
