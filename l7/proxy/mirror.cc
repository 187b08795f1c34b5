#include "l7/proxy/mirror.h"

#include <algorithm>
#include <utility>

#include "l7/policy/mirror.h"
#include "l7/proxy/exchange.h"
#include "l7/proxy/heard_answer.h"
#include "l7/proxy/hold_body.h"
#include "l7/proxy/on_behalf.h"
#include "l7/runtime/spawn.h"

namespace cardea::l7::proxy {
namespace {

// What outlives the client's exchange: the request in memory of its own, the plan by which it was admitted.
struct MirrorExchange {
  MirrorExchange(Exchange& x, const route::Share& to, HostPlace place, Buffer body, size_t body_bytes);
  Arena& arena() { return own; }
  Caller caller() { return {shard, exchange, input, tls}; }

  const HostPlace place;
  Shard& shard;
  const ShardPlanPointer plan;
  const ServicePlan& service;
  const route::Share& to;  // of the plan
  const bool tls;
  Arena own, exchange;
  const std::string_view head;
  const ClientOnBehalf client;
  const Record record;
  Input input;  // its body, all of it
};

MirrorExchange::MirrorExchange(Exchange& x, const route::Share& share, HostPlace among, Buffer body, size_t body_bytes)
    : place(std::move(among)),
      shard(x.shard()),
      plan(x.plan),
      service(x.service),
      to(share),
      tls(x.is_secure()),
      own(x.loop().chunks()),
      exchange(x.loop().chunks()),
      head(own.copy(head_as_it_came(x))),
      client(x, own),
      record(record_on_behalf(x, own)),
      input{std::move(body), 0, body_bytes} {}

// The same request again, towards the other pool; its body has the length that it turned out to have.
bool prepare(Exchange& x, const MirrorExchange& from) {
  http::HeadScan scan;
  if (!http::parse_request_head(from.head, {.bytes_max = from.head.size()}, scan, x.head).done()) return false;
  x.head_bytes = from.head.size();
  from.client.give_to(x);
  if (admit(x) || x.record.route->proxy() == nullptr) return false;
  if (has_body(x)) x.admitted.body = {http::BodyKind::kLength, from.input.end};
  x.admitted.expects_continue = false;
  return !take_way(x, *x.record.route->proxy(), from.to);
}

Task<> carry_out_copy(MirrorExchange& from) {
  co_await from.shard.loop().yield();
  HeardAnswer unheard(HeardAnswer::Keep::kNothing);
  Exchange x(from.caller(), from.plan, from.service, from.record);
  x.heard = &unheard;
  if (!prepare(x, from)) x.failure = failure(Reason::kLocalFailure);
  if (!x.failure) co_await forward(x);
  leave_backend(x);
  if (x.failure) count(x.shard(), x.service.rows.mirror_failed);
}

// A place among the copies that are under way to their pool, on the whole host.
std::optional<HostPlace> take_place(const Exchange& x, const policy::Mirror& to) {
  const std::shared_ptr<PoolCounts>& host = x.plan->plan->pools[to.share.pool]->host;
  if (!host->copies.take(to.under_way_max)) return std::nullopt;
  return HostPlace(std::shared_ptr<HostCount>(host, &host->copies));
}

// False: there is no place for it, or no memory.
bool begin(Exchange& x, const policy::Mirror& to, size_t body_bytes) {
  auto place = take_place(x, to);
  if (!place) return false;
  Buffer body;
  if (body_bytes != 0) body = x.shard().buffers().take_to_spare(body_bytes);
  if (body_bytes != 0 && !body) return false;
  if (body) copy_body(x, body.span().first(body_bytes));
  spawn(x.loop(), carry_out_copy, std::make_unique<MirrorExchange>(x, to.share, std::move(*place), std::move(body), body_bytes));
  return true;
}

// What has no end that could be waited for, or is known to be too large.
bool is_left_out(const Exchange& x, const policy::Mirror& to) {
  const http::BodyFraming body = x.admitted.body;
  return is_stream(x) || (body.kind == http::BodyKind::kLength && body.length > to.body_max);
}

}  // namespace

Task<Failure> mirror(Exchange& x, const policy::Mirror& to) {
  if (to.sample < 100 && x.shard().chance().below(100) >= to.sample) co_return Failure{};
  Gathered body{.whole = !has_body(x)};
  if (has_body(x) && !is_left_out(x, to)) body = co_await gather_body(x, to.body_max, HoldIn::kSpare);
  if (body.failure && !body.failure.is(Reason::kMemory)) co_return body.failure;
  const bool begun = body.whole && !is_left_out(x, to) && begin(x, to, body.bytes);
  count(x.shard(), begun ? x.service.rows.mirrored : x.service.rows.mirror_skipped);
  co_return Failure{};
}

}  // namespace cardea::l7::proxy
