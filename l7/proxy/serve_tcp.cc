// tcp services: a pool by the name that TLS asks for, where there are routes, a backend by the client's hash, the next
// one where it does not answer, then bytes.
#include "l7/policy/balance_key.h"
#include "l7/proxy/announce.h"
#include "l7/proxy/linger.h"
#include "l7/proxy/pass_tls.h"
#include "l7/proxy/record.h"
#include "l7/proxy/tunnel.h"

namespace cardea::l7::proxy {
namespace {

// The connection as one exchange of bytes.
struct Flow {
  explicit Flow(Connection& of) : connection(of), plan(of.service().plan), service(*of.service().now().plan) {
    record = begin_record(of, service, plan->plan->generation);
    record.protocol = "tcp";
    if (of.tls()) record.tls_version = of.tls()->version(), record.tls_ja4 = of.tls()->ja4().text();
  }
  Arena& arena() { return connection.exchange_arena(); }

  Connection& connection;
  ShardPlanPointer plan;
  const ServicePlan& service;
  uint32_t pool = 0;
  Record record;
  upstream::Lease lease;
  BackendRows rows;
};

void take_pool(Flow& flow, uint32_t pool) {
  flow.pool = pool;
  flow.record.pool = flow.plan->plan->pools[pool].get();
}

// Of its route's, split as requests are.
void take_share(Flow& flow, const RoutePlan& route) {
  flow.record.route = &route;
  const route::Proxy& proxy = *route.proxy();
  const HashKey key = flow.plan->plan->hash_key;
  take_pool(flow, proxy.share(proxy.by_client ? route::client_number(key, flow.record.client.address)
                                              : route::request_number(key, flow.record.number))
                      .pool);
}

// Whoever is told why reads it, although more of its own may be under way.
Task<> tell(Flow& flow, std::string_view alert) {
  Connection& c = flow.connection;
  c.input.drop();
  const Instant deadline = c.loop().now() + kLinger;
  const IoResult told = co_await c.socket().write_all(alert, deadline);
  if (told.ok()) co_await linger(flow.arena(), c, c.socket(), kLinger);
}

Task<Failure> find_pool(Flow& flow) {
  if (!flow.service.passes_tls()) {
    take_pool(flow, flow.service.pool);
    co_return Failure{};
  }
  TlsWay way;
  co_await read_way(flow.arena(), flow.connection, flow.service, way);
  flow.record.tls_ja4 = way.ja4;
  flow.record.host = way.server_name;
  if (way.route) take_share(flow, *way.route);
  const bool refused = way.failure.is(Reason::kNoRoute) || way.failure.is(Reason::kBadHello);
  if (refused) count(flow.connection.shard(), flow.service.rows.names_refused);
  if (!way.alert.empty()) co_await tell(flow, way.alert);
  co_return way.failure;
}

// Nothing was sent, so every failure to connect is safe to repeat elsewhere.
Task<Failure> connect(Flow& flow) {
  upstream::Pool& pool = *flow.plan->pools[flow.pool];
  Loop& loop = flow.connection.loop();
  const uint64_t hash = *policy::balance_key(pool.plan(), flow.plan->plan->hash_key,
                                             {&flow.record.client, flow.record.listener, nullptr});
  const std::string_view header =
      announce(flow.arena(), pool.plan().proxy_header, flow.record, &flow.connection);
  upstream::Tried tried;
  Failure failed;
  while (flow.record.attempts <= pool.plan().retries) {
    const auto chosen = pool.choose(hash, tried, loop.now());
    if (!chosen && failed) co_return failed;
    if (!chosen) co_return nothing_serves(flow.connection.shard(), *flow.record.pool, chosen.error());
    if (!upstream::Pool::claim(**chosen)) continue;
    if (failed) count(flow.connection.shard(), flow.rows.retries);
    const BackendPlan& plan = upstream::Pool::plan_of(**chosen);
    flow.record.backend = flow.arena().copy(plan.name);
    flow.record.attempts++;
    flow.rows = plan.rows;
    const Instant began = loop.now();
    flow.record.dialled = began;
    Result<upstream::Lease> dialled = co_await pool.dial(flow.arena(), **chosen, {}, header, began, upstream::Use::kAlone);
    if (dialled) {
      flow.lease = std::move(*dialled);
      flow.record.connected = loop.now();
      co_return Failure{};
    }
    tried.add(*chosen);
    const bool timeout = loop.now() - began >= pool.plan().connect_timeout;
    failed = dial_failure(dialled.error(), timeout, flow.arena());
    if (failed.origin != Origin::kBackend) co_return failed;
  }
  co_return failed;
}

Task<> relay(Flow& flow) {
  count_request(flow.connection.shard(), flow.rows);
  Connection& c = flow.connection;
  Tunnel tunnel(flow.arena(), c.shard(), c.stream(), c.input, flow.lease.stream());
  tunnel.idle_timeout = flow.service.idle_timeout;
  co_await run(tunnel, c.occupant, c.service().gone);
  flow.record.bytes_in = tunnel.to_backend;
  flow.record.bytes_out = tunnel.to_client;
  flow.record.reason = tunnel.failure ? tunnel.failure.word : word(Reason::kOk);
  flow.record.origin = tunnel.failure.origin;
  flow.record.cut = bool(tunnel.failure);
  if (tunnel.truncated) flow.record.detail = kTruncated;
  flow.lease.close(tunnel.failure ? Close::kReset : Close::kOrderly);
}

Task<> serve_flow(Arena&, Connection& connection) {
  Flow flow(connection);
  Failure failed = co_await find_pool(flow);
  if (!failed) {
    const Failure unconnected = co_await connect(flow);
    failed = unconnected;
  }
  if (failed) {
    flow.record.reason = failed.word;
    flow.record.detail = failed.detail;
    flow.record.origin = failed.origin;
    connection.stream().close(Close::kReset);
  } else {
    co_await relay(flow);
  }
  flow.record.ended = connection.loop().now();
  write_flow(connection.shard(), flow.record);
}

}  // namespace

Task<> serve_tcp(Connection& connection) {
  co_await serve_flow(connection.exchange_arena(), connection);
}

}  // namespace cardea::l7::proxy
