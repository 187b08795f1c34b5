// tcp services: a backend by the flow's hash, the next one where it does not answer, then bytes.
#include "l7/policy/balance_key.h"
#include "l7/proxy/record.h"
#include "l7/proxy/tunnel.h"

namespace cardea::l7::proxy {
namespace {

// The connection as one exchange of bytes.
struct Flow {
  explicit Flow(Connection& of) : connection(of), plan(of.service().plan), service(*of.service().now().plan) {
    record = begin_record(of, service, plan->plan->generation);
    record.pool = plan->plan->pools[service.pool].get();
    record.protocol = "tcp";
    if (of.tls()) record.tls_version = of.tls()->version();
  }
  Arena& arena() { return connection.exchange_arena(); }

  Connection& connection;
  ShardPlanPointer plan;
  const ServicePlan& service;
  Record record;
  upstream::Lease lease;
  BackendRows rows;
};

// Nothing was sent, so every failure to connect is safe to repeat elsewhere.
Task<Failure> connect(Flow& flow) {
  upstream::Pool& pool = *flow.plan->pools[flow.service.pool];
  Loop& loop = flow.connection.loop();
  const uint64_t hash = *policy::balance_key(pool.plan(), flow.plan->plan->hash_key,
                                             {&flow.record.client, flow.record.listener, nullptr});
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
    Result<upstream::Lease> dialled = co_await pool.dial(flow.arena(), **chosen, {}, began);
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
  if (tunnel.truncated) flow.record.detail = kTruncated;
  flow.lease.close(tunnel.failure ? Close::kReset : Close::kOrderly);
}

Task<> serve_flow(Arena&, Connection& connection) {
  Flow flow(connection);
  const Failure failed = co_await connect(flow);
  if (failed) {
    flow.record.reason = failed.word;
    flow.record.detail = failed.detail;
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
