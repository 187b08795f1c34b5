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

using policy::MirrorPlace;

// What outlives the client's exchange: the request in memory of its own, the plan by which it was admitted.
struct MirrorExchange {
  MirrorExchange(Exchange& x, MirrorPlace place, Buffer body, size_t body_bytes);
  Arena& arena() { return own; }
  Caller caller() { return {shard, exchange, input, tls}; }

  const MirrorPlace place;
  Shard& shard;
  const ShardPlanPointer plan;
  const ServicePlan& service;
  const bool tls;
  Arena own, exchange;
  const std::string_view head;
  const ClientOnBehalf client;
  const Record record;
  Input input;  // its body, all of it
};

MirrorExchange::MirrorExchange(Exchange& x, MirrorPlace among, Buffer body, size_t body_bytes)
    : place(std::move(among)),
      shard(x.shard()),
      plan(x.plan),
      service(x.service),
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
  take_way(x, *x.record.route->proxy(), from.place.mirror().share);
  return true;
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

void begin(Exchange& x, MirrorPlace place, std::string_view body) {
  Buffer memory;
  if (!body.empty()) {
    memory = x.shard().buffers().take_for_new(body.size());
    if (!memory) return count(x.shard(), x.service.rows.mirror_skipped);
    std::ranges::copy(body, memory.span().data());
  }
  count(x.shard(), x.service.rows.mirrored);
  spawn(x.loop(), carry_out_copy, std::make_unique<MirrorExchange>(x, std::move(place), std::move(memory), body.size()));
}

// What has no end that could be waited for, or is known to be too large.
bool is_left_out(const Exchange& x, const policy::Mirror& to) {
  const http::BodyFraming body = x.admitted.body;
  return is_stream(x) || (body.kind == http::BodyKind::kLength && body.length > to.body_max);
}

}  // namespace

Task<Failure> mirror(Exchange& x, const std::shared_ptr<const policy::Mirror>& to) {
  if (to->sample < 100 && x.shard().chance().below(100) >= to->sample) co_return Failure{};
  MirrorPlace place = is_left_out(x, *to) ? MirrorPlace() : MirrorPlace::take(to);
  Held held;
  if (place && has_body(x)) held = co_await hold_body(x, to->body_max);
  const bool taken = held.failure && !held.failure.is(Reason::kMemory);
  if (taken) co_return held.failure;
  if (!place || held.failure || (has_body(x) && !held.whole)) {
    count(x.shard(), x.service.rows.mirror_skipped);
    co_return Failure{};
  }
  begin(x, std::move(place), held.body);
  co_return Failure{};
}

}  // namespace cardea::l7::proxy
