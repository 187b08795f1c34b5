#include "mgmt/compile_l7.h"

#include <fmt/format.h>

#include <string_view>
#include <unordered_map>

#include "conf/pool_use.h"
#include "l7/plan_generated.h"
#include "l7/plan_schema.h"
#include "mgmt/compile_logs.h"
#include "mgmt/compile_routes.h"
#include "mgmt/sticky.h"

namespace cardea::mgmt {
namespace {

namespace image = l7::image;
using Builder = flatbuffers::FlatBufferBuilder;
template <typename T>
using Offset = flatbuffers::Offset<T>;
using RingOffsets = std::unordered_map<const Ring*, Offset<flatbuffers::Vector<uint16_t>>>;

uint32_t ms(conf::milliseconds time) {
  return uint32_t(time.count());
}

uint32_t seconds(conf::milliseconds time) {
  return ms(time) / 1000;
}

image::BackendState state(State from) {
  switch (from) {
    case State::kUp:
      return image::BackendState::up;
    case State::kDown:
      return image::BackendState::down;
    case State::kDrain:
      return image::BackendState::drain;
    case State::kMaint:
      return image::BackendState::maint;
  }
  return image::BackendState::maint;
}

image::Balance balance(conf::Balance from) {
  switch (from) {
    case conf::Balance::kMaglev:
      return image::Balance::maglev;
    case conf::Balance::kRoundRobin:
      return image::Balance::round_robin;
    case conf::Balance::kLeastConn:
      return image::Balance::least_conn;
    case conf::Balance::kRandom:
      return image::Balance::random;
    case conf::Balance::kP2c:
      return image::Balance::p2c;
    case conf::Balance::kSourceHash:
      return image::Balance::source_hash;
    case conf::Balance::kHash:
      return image::Balance::hash;
  }
  return image::Balance::maglev;
}

image::HashOn hash_on(conf::HashOn from) {
  switch (from) {
    case conf::HashOn::kClient:
      return image::HashOn::client;
    case conf::HashOn::kUri:
      return image::HashOn::uri;
    case conf::HashOn::kHeader:
      return image::HashOn::header;
    case conf::HashOn::kCookie:
      return image::HashOn::cookie;
  }
  return image::HashOn::client;
}

image::Transport transport(conf::Transport from) {
  return from == conf::Transport::kUserspace ? image::Transport::userspace : image::Transport::kernel;
}

// None where a port has addresses that only Linux knows.
std::vector<image::Address> addresses_of_ports(const conf::Config& config) {
  std::vector<image::Address> all;
  if (!config.dataplane) return all;
  for (const conf::Port& port : config.dataplane->ports) {
    if (port.addresses.empty()) return {};
    for (const Prefix& prefix : port.addresses) all.push_back(image_address(prefix.address));
  }
  return all;
}

image::ProxyVersion proxy_version(ProxyVersion from) {
  switch (from) {
    case ProxyVersion::kNone:
      return image::ProxyVersion::none;
    case ProxyVersion::kV1:
      return image::ProxyVersion::v1;
    case ProxyVersion::kV2:
      return image::ProxyVersion::v2;
  }
  return image::ProxyVersion::none;
}

uint16_t wire_version(conf::TlsVersion from) {  // RFC 8446 section 4.2.1
  return from == conf::TlsVersion::k13 ? 0x0304 : 0x0303;
}

Offset<image::Backend> write_backend(Builder& builder, const conf::Backend& backend, const Standing& standing,
                                     const std::string& sticky) {
  const auto where = image_address(backend.address.address);
  return image::CreateBackend(builder, builder.CreateString(backend.address.text()), &where, backend.address.port,
                              standing.weight, state(standing.used_state()), backend.connections_max,
                              builder.CreateString(sticky), standing.standby);
}

Offset<image::Certificate> write_certificate(Builder& builder, const conf::Certificate& one) {
  return image::CreateCertificateDirect(builder, one.cert.c_str(), one.cert.c_str(), one.key.c_str(),
                                        one.ocsp.c_str());
}

Offset<image::BackendTls> write_backend_tls(Builder& builder, const conf::BackendTls& tls) {
  const auto own = tls.certificate ? write_certificate(builder, *tls.certificate) : Offset<image::Certificate>();
  return image::CreateBackendTlsDirect(builder, tls.server_name.c_str(), tls.verify, tls.authorities.c_str(), own);
}

Offset<image::Ejection> write_ejection(Builder& builder, const conf::Ejection& ejection) {
  return image::CreateEjection(builder, ejection.errors, ejection.gateway_errors, ms(ejection.time),
                               ms(ejection.time_max), ejection.share_max);
}

Offset<image::Retry> write_retry(Builder& builder, const conf::Retry& retry) {
  const auto has = [&](conf::RetryOn cause) { return std::ranges::count(retry.on, cause) != 0; };
  std::vector<uint16_t> statuses;
  for (const conf::RetryOn cause : retry.on)
    if (cause >= conf::RetryOn::k404) statuses.push_back(uint16_t(cause));
  return image::CreateRetryDirect(builder, &statuses, has(conf::RetryOn::kTimeout), has(conf::RetryOn::kBadResponse),
                                  has(conf::RetryOn::kUnsafeMethods), retry.budget, ms(retry.timeout));
}

// Pools with the same backends and weights share one ring in the image.
Offset<image::Pool> write_pool(Builder& builder, const conf::Cluster& cluster, const conf::Pool& pool,
                               const PoolState& now, RingOffsets& rings) {
  std::vector<Offset<image::Backend>> backends;
  for (size_t i = 0; i < pool.backends.size(); ++i)
    backends.push_back(
        write_backend(builder, pool.backends[i], now.backends[i], sticky_value(cluster, pool, pool.backends[i])));
  Offset<flatbuffers::Vector<uint16_t>> ring;
  if (now.ring) {
    auto& written = rings[now.ring.get()];
    if (written.IsNull()) written = builder.CreateVector(now.ring->slots);
    ring = written;
  }
  const auto tls = pool.tls ? write_backend_tls(builder, *pool.tls) : Offset<image::BackendTls>();
  const auto ejection = pool.ejection ? write_ejection(builder, *pool.ejection) : Offset<image::Ejection>();
  const auto retry = pool.retry ? write_retry(builder, *pool.retry) : Offset<image::Retry>();
  const auto sticky_cookie = builder.CreateString(pool.sticky ? pool.sticky->cookie : "");
  const conf::Queue queue = pool.queue.value_or(conf::Queue{.length = 0});
  const auto hash_name = builder.CreateString(pool.hash_name);
  return image::CreatePool(
      builder, builder.CreateString(pool.name), balance(pool.balance), builder.CreateVector(backends), ring, tls,
      ms(pool.connect_timeout), ms(pool.response_timeout), ms(pool.idle_timeout), pool.idle_connections, pool.retries,
      uint32_t(pool.response_header_max), ms(pool.processing_timeout), hash_on(pool.hash_on), hash_name,
      pool.hash_load_max, proxy_version(pool.proxy_protocol), image::PoolHttp2(pool.http2),
      now.panic, ms(pool.slow_start), ejection, sticky_cookie,
      queue.length, ms(queue.timeout), retry);
}

std::vector<Offset<image::Pool>> write_pools(Builder& builder, const conf::Config& config,
                                             std::span<const PoolState> states, std::span<const size_t> pools) {
  RingOffsets rings;
  std::vector<Offset<image::Pool>> written;
  for (const size_t i : pools)
    written.push_back(write_pool(builder, config.cluster, config.pools[i], states[i], rings));
  return written;
}

Offset<image::Tls> write_tls(Builder& builder, const conf::Tls& tls) {
  std::vector<Offset<image::Certificate>> certificates;
  for (const auto& one : tls.certificates) certificates.push_back(write_certificate(builder, one));
  const conf::ClientAuth clients = tls.client_auth.value_or(conf::ClientAuth());
  return image::CreateTlsDirect(builder, &certificates, wire_version(tls.version_min), clients.authorities.c_str(),
                                clients.revocations.c_str(), clients.mode == conf::ClientCertificates::kRequired);
}

Offset<image::RequestId> write_request_id(Builder& builder, const conf::RequestId& id) {
  return image::CreateRequestIdDirect(builder, id.header.c_str(), id.answer);
}

Offset<image::Service> write_service(Builder& builder, const conf::Service& service, const PlanNames& names) {
  const bool http = service.mode == conf::Mode::kHttp;
  std::vector<image::Listen> listen;
  for (const auto& one : service.listen) listen.emplace_back(image_address(one.endpoint.address), one.endpoint.port);
  const auto tls = service.tls ? write_tls(builder, *service.tls) : Offset<image::Tls>();
  const bool routed = http || !service.routes.empty();
  const auto policies = write_policies(builder, service);
  const auto routes = routed ? write_routes(builder, service, names, policies) : std::vector<Offset<image::Route>>();
  const auto from = write_networks(service.proxy_protocol ? service.proxy_protocol->from : std::vector<Prefix>());
  const auto logs = chosen_logs(service, names.logs);
  const auto id = service.request_id ? write_request_id(builder, *service.request_id) : Offset<image::RequestId>();
  return image::CreateServiceDirect(
      builder, service.name.c_str(), http ? image::Mode::http : image::Mode::tcp, &listen, tls, &routes,
      routed ? 0 : names.pools.at(service.pool), service.connections_max, ms(service.request_timeout),
      ms(service.idle_timeout), ms(service.body_timeout), uint32_t(service.header_max), service.body_max,
      uint32_t(service.rate_min), ms(service.rate_window), ms(service.linger_timeout), service.source_connections_max,
      http && service.http2, &from, policies, id, image::TraceRule(service.trace), service.trace_sample * 10'000, &logs,
      transport(service.transport.value_or(names.transport)));
}

std::vector<Offset<image::Service>> write_services(Builder& builder, const conf::Config& config,
                                                   std::span<const size_t> pools) {
  PlanNames names;
  for (uint32_t i = 0; i < pools.size(); ++i) names.pools[config.pools[pools[i]].name] = i;
  for (uint32_t i = 0; i < config.caches.size(); ++i) names.caches[config.caches[i].name] = i;
  names.logs = access_logs(config);
  names.transport = config.l7->transport;
  std::vector<Offset<image::Service>> services;
  for (const auto& service : config.services)
    if (service.mode != conf::Mode::kL4) services.push_back(write_service(builder, service, names));
  return services;
}

std::vector<Offset<image::Cache>> write_caches(Builder& builder, const conf::Config& config) {
  std::vector<Offset<image::Cache>> caches;
  for (const auto& cache : config.caches)
    caches.push_back(image::CreateCacheDirect(builder, cache.name.c_str(), cache.memory, cache.object_max,
                                              seconds(cache.stale_on_error)));
  return caches;
}

std::vector<Offset<settings::RateLimit>> write_rate_limits(Builder& builder, const conf::Config& config) {
  std::vector<Offset<settings::RateLimit>> limits;
  for (const auto& limit : config.rate_limits) limits.push_back(settings::RateLimit::Pack(builder, &limit));
  return limits;
}

// Enough that the builder, which doubles and copies, seldom has to grow; too much costs only address space.
size_t bytes_expected(const conf::Config& config, std::span<const PoolState> states, std::span<const size_t> pools) {
  std::unordered_map<const Ring*, size_t> rings;
  size_t bytes = 16384 + config.services.size() * 512;
  for (const auto& service : config.services) {
    bytes += service.routes.size() * 256;
    if (service.tls) bytes += service.tls->certificates.size() * 256;
  }
  for (const size_t i : pools) {
    if (states[i].ring) rings[states[i].ring.get()] = states[i].ring->slots.size() * sizeof(uint16_t) + 64;
    bytes += 512 + config.pools[i].backends.size() * 128;
  }
  for (const auto& [ring, size] : rings) bytes += size;
  return bytes;
}

}  // namespace

std::vector<size_t> l7_pools(const conf::Config& config) {
  const conf::PoolUses uses(config);
  std::vector<size_t> indices;
  for (size_t i = 0; i < config.pools.size(); ++i)
    if (uses.of(config.pools[i].name).l7) indices.push_back(i);
  return indices;
}

Result<Image> compile_l7(const conf::Config& config, std::span<const PoolState> states, uint64_t generation) {
  if (!config.l7) return fail("the file has no `l7` section: nothing says which CPUs to use", Origin::kOperator);
  const auto pools = l7_pools(config);
  const size_t expected = bytes_expected(config, states, pools);
  if (expected > l7::kPlanBytesMax)
    return fail(fmt::format("the plan would need about {} MB, at most {} are possible: use a smaller ring_size",
                            expected >> 20, l7::kPlanBytesMax >> 20),
                Origin::kOperator);
  Builder builder(expected);
  const auto written_pools = builder.CreateVector(write_pools(builder, config, states, pools));
  const auto caches = builder.CreateVector(write_caches(builder, config));
  const auto services = builder.CreateVector(write_services(builder, config, pools));
  const auto rate_limits = builder.CreateVector(write_rate_limits(builder, config));
  const auto logs = builder.CreateVector(write_logs(builder, config));
  const auto& l7 = *config.l7;
  const auto port_addresses = addresses_of_ports(config);
  const auto settings =
      image::CreateSettingsDirect(builder, &l7.shards, uint32_t(l7.access_log_ring), l7.buffers, l7.compression,
                                  uint32_t(l7.drain_timeout.count()), uint32_t(l7.hand_over_timeout.count()), l7.ticket_keys.c_str(), transport(l7.transport),
                                  &port_addresses);
  const auto geo = l7.geo ? image::CreateGeoDirect(builder, l7.geo->countries.c_str(), l7.geo->as_numbers.c_str()) : 0;
  const conf::WafWorkers workers = l7.waf.value_or(conf::WafWorkers());
  const auto waf = image::CreateWaf(builder, workers.workers, workers.queue, workers.memory);
  const HashKey key = hash_key(config.cluster);
  image::FinishPlanBuffer(builder, image::CreatePlan(builder, l7::kPlanSchema, builder.CreateString(l7::kPlanVersion),
                                                     generation, builder.CreateString(config.cluster.name), key.k0,
                                                     key.k1, settings, written_pools, caches, services, rate_limits, logs, geo, waf));
  return builder.Release();
}

Image compile_l7_update(const conf::Config& config, std::span<const PoolState> states, std::span<const size_t> pools,
                        uint64_t generation) {
  Builder builder(bytes_expected(config, states, pools));
  const auto written = builder.CreateVector(write_pools(builder, config, states, pools));
  builder.Finish(
      image::CreatePoolUpdate(builder, l7::kPlanSchema, builder.CreateString(l7::kPlanVersion), generation, written),
      l7::kPoolUpdateIdentifier);
  return builder.Release();
}

}  // namespace cardea::mgmt
