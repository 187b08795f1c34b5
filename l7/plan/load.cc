#include "l7/plan/load.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <unordered_map>

#include "base/log.h"
#include "base/start_settings.h"
#include "l7/cache/cache.h"
#include "l7/plan/load_actions.h"
#include "l7/plan/load_logs.h"
#include "l7/plan/load_pools.h"
#include "l7/plan/load_rate_limits.h"
#include "l7/plan/load_rows.h"
#include "l7/plan_schema.h"
#include "l7/policy/read_file.h"

namespace cardea::l7 {
namespace {

using plan_detail::address_of;
using plan_detail::load_pool;

constexpr size_t kShardsMax = 256;
constexpr size_t kPemBytesMax = 64 << 20;  // lists of revocations grow large
constexpr uint32_t kHeaderBytesMin = 1024, kHeaderBytesMax = 1 << 20;

template <typename Root>
Result<const Root*> verified(Bytes bytes, const char* identifier) {
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  if (bytes.size() > kPlanBytesMax) return fail(fmt::format("not a plan: {} bytes", bytes.size()));
  if (auto ok = check_plan_schema(bytes, identifier); !ok) return std::unexpected(ok.error());
  flatbuffers::Verifier verifier(data, bytes.size(), 64, 100'000'000);
  if (!verifier.VerifyBuffer<Root>(identifier)) return fail("the plan is damaged: it points outside itself");
  return flatbuffers::GetRoot<Root>(data);
}

Result<PlanSettings> settings_of(const image::Settings& from) {
  PlanSettings to;
  to.cpus.assign(from.shards()->begin(), from.shards()->end());
  if (to.cpus.empty() || to.cpus.size() > kShardsMax)
    return fail(fmt::format("{} shards; 1 to {} are possible", to.cpus.size(), kShardsMax));
  to.access_log_ring_bytes = from.access_log_ring_bytes();
  to.buffer_bytes_max = from.buffer_bytes_max();
  to.compression_bytes_max = from.compression_bytes_max();
  to.drain_timeout = std::chrono::milliseconds(from.drain_timeout_ms());
  to.hand_over_timeout = std::chrono::milliseconds(from.hand_over_timeout_ms());
  if (from.ticket_keys()) to.ticket_keys = from.ticket_keys()->str();
  to.userspace = from.transport() == image::Transport::userspace;
  if (from.port_addresses())
    for (const auto* address : *from.port_addresses())
      to.port_addresses.push_back(IpAddress::v6_bytes(address->bytes()->data()));
  if (to.access_log_ring_bytes < 4096 || to.access_log_ring_bytes > 1u << 30)
    return fail(fmt::format("an access log ring of {} bytes", to.access_log_ring_bytes));
  return to;
}

// ------------------------------------------------------------------ caches

cache::Limits limits_of(const CachePlan& plan) {
  return {plan.limits.memory, plan.limits.object, plan.limits.stale_on_error};
}

Result<CachePlan> cache_of(const image::Cache& from, PlanResources& resources, const LivePlan* running) {
  CachePlan to;
  to.name = from.name()->str();
  if (from.memory_bytes() == 0) return fail(fmt::format("cache \"{}\" has no memory", to.name));
  if (running)
    for (const CachePlan& known : running->caches)
      if (known.name == to.name) to.cache = known.cache;
  to.limits = {from.memory_bytes(), from.object_bytes_max(), from.stale_on_error_s()};
  if (!to.cache) to.cache = std::make_shared<cache::Cache>(limits_of(to));
  stats::RowAdder add = resources.rows.adder();
  to.rows = CacheRows::add(add, to.name);
  to.row_set = resources.rows.hold(std::move(add.rows));
  if (!add.done) return std::unexpected(std::move(add.done.error()).in(fmt::format("cache \"{}\"", to.name)));
  return to;
}

// More than the machine has would be killed by the kernel one day, under load; better refused at once.
Result<> check_memory(const flatbuffers::Vector<flatbuffers::Offset<image::Cache>>& caches) {
  const uint64_t machine = uint64_t(sysconf(_SC_PHYS_PAGES)) * uint64_t(sysconf(_SC_PAGESIZE));
  uint64_t left = machine;
  for (const image::Cache* cache : caches) {
    if (cache->memory_bytes() > left)
      return fail(
          fmt::format("cache \"{}\" wants {} MB of memory; all caches together may have the {} MB of this machine",
                      cache->name()->string_view(), cache->memory_bytes() >> 20, machine >> 20));
    left -= cache->memory_bytes();
  }
  return {};
}

// ------------------------------------------------------------------ services

std::string named(const image::Route& route) {
  return fmt::format("route \"{}\"", route.name()->string_view());
}

// An expression whose groups cannot be asked for goes on routing: nothing that is made of them was let through by the checks.
std::optional<Pattern> groups_of(const image::Route& route) {
  if (route.path_rule() != image::PathRule::pattern) return std::nullopt;
  auto compiled = Pattern::compile_with_groups(route.path()->string_view());
  return compiled ? std::optional(std::move(*compiled)) : std::nullopt;
}

Result<> add_routes(ServicePlan& service, const image::Service& from, const image::Plan& plan,
                    PlanResources& resources) {
  if (!from.routes() || from.routes()->size() == 0) return fail("an http service without routes");
  service.routes.reserve(from.routes()->size());
  for (const image::Route* route : *from.routes()) {
    auto groups = groups_of(*route);
    auto action = plan_detail::load_action(*route, groups ? &*groups : nullptr, plan, resources.media_types);
    if (!action)
      return fail(fmt::format("{} {}", named(*route), action.error().message));
    auto policies = resources.policies.read(route->policies());
    if (!policies) return std::unexpected(std::move(policies.error()).in(named(*route)));
    plan_detail::tell_origins_apart(*action, route->policies());
    service.routes.push_back({route->name()->str(), std::move(*action), std::move(*policies), {}, std::move(groups)});
  }
  auto rows = plan_detail::load_rows(*from.routes());
  if (!rows) return std::unexpected(std::move(rows.error()));
  auto table = route::Table::build(*rows);
  if (!table) return std::unexpected(std::move(table.error()));
  service.table = std::move(*table);
  return {};
}

// Of a tcp service: what is not read cannot be answered, and not kept either.
Result<> add_tls_routes(ServicePlan& service, const image::Service& from, const image::Plan& plan,
                        PlanResources& resources) {
  if (from.tls()) return fail("it has routes for TLS that is passed through, and TLS that ends here");
  if (auto routed = add_routes(service, from, plan, resources); !routed) return routed;
  for (const RoutePlan& route : service.routes)
    if (route.proxy() == nullptr || route.proxy()->cache >= 0)
      return fail(fmt::format("route \"{}\" does more than name a pool", route.name));
  return {};
}

std::string path_of(const flatbuffers::String* path) {
  return path == nullptr ? std::string() : path->str();
}

// The same object as long as the files stay as they are, so that what shards made of it stays.
Result<> add_client_trust(ServicePlan& service, const image::Tls& from, const ServicePlan* running) {
  const std::string authorities = path_of(from.client_authorities()), revocations = path_of(from.client_revocations());
  if (authorities.empty()) return {};
  auto trusted = policy::read_file(authorities, kPemBytesMax);
  if (!trusted) return std::unexpected(std::move(trusted.error()));
  auto revoked = revocations.empty() ? Result<std::string>("") : policy::read_file(revocations, kPemBytesMax);
  if (!revoked) return std::unexpected(std::move(revoked.error()));
  auto trust = tls::ClientTrust::of(std::move(*trusted), std::move(*revoked), from.client_required());
  if (!trust) return std::unexpected(std::move(trust.error()).in("client_auth"));
  const bool same = running && running->client_trust && *running->client_trust == **trust;
  service.client_trust = same ? running->client_trust : std::move(*trust);
  return {};
}

Result<> add_tls(ServicePlan& service, const image::Tls& from, CertificateStore& certificates,
                 const ServicePlan* running) {
  if (from.certificates()->size() == 0) return fail("tls without a certificate");
  if (from.version_min() != 0x0303 && from.version_min() != 0x0304)
    return fail(fmt::format("TLS version {:#06x}: 0x0303 (1.2) or 0x0304 (1.3)", from.version_min()));
  service.tls_version_min = from.version_min();
  for (const image::Certificate* one : *from.certificates()) {
    auto loaded = certificates.load(one->name()->str(), one->cert()->str(), one->key()->str(),
                                    one->ocsp() ? one->ocsp()->str() : std::string());
    if (!loaded) return std::unexpected(std::move(loaded.error()));
    service.certificates.push_back(std::move(*loaded));
  }
  return add_client_trust(service, from, running);
}

Result<> add_limits(ServicePlan& service, const image::Service& from) {
  service.connections_max = from.connections_max();
  service.request_timeout = milliseconds(from.request_timeout_ms());
  service.idle_timeout = milliseconds(from.idle_timeout_ms());
  service.body_timeout = milliseconds(from.body_timeout_ms());
  service.header_bytes_max = from.header_bytes_max();
  service.body_bytes_max = from.body_bytes_max();
  service.rate_min = from.rate_min();
  service.rate_window = milliseconds(from.rate_window_ms());
  service.linger_timeout = milliseconds(from.linger_timeout_ms());
  service.source_connections_max = from.source_connections_max();
  service.http2 = from.http2();
  if (auto done = plan_detail::add_networks(service.proxy_from, from.proxy_from()); !done) return done;
  if (service.request_timeout.count() == 0 || service.idle_timeout.count() == 0 || service.body_timeout.count() == 0 ||
      service.rate_window.count() == 0)
    return fail("a timeout of 0 ms");
  if (service.header_bytes_max < kHeaderBytesMin || service.header_bytes_max > kHeaderBytesMax)
    return fail(fmt::format("header_bytes_max of {}; {} to {} are possible", service.header_bytes_max, kHeaderBytesMin,
                            kHeaderBytesMax));
  return {};
}

// A large site has a hundred thousand rows: where every name stays, those that are there are taken over whole.
bool share_rows(ServicePlan& service, const ServicePlan& running) {
  if (!std::ranges::equal(service.routes, running.routes, {}, &RoutePlan::name, &RoutePlan::name)) return false;
  service.rows = running.rows;
  for (size_t i = 0; i < service.routes.size(); ++i) service.routes[i].rows = running.routes[i].rows;
  service.row_set = running.row_set;
  return true;
}

Result<> add_rows(ServicePlan& service, PlanResources& resources, const ServicePlan* running) {
  if (running && share_rows(service, *running)) return {};
  stats::RowAdder add = resources.rows.adder();
  service.rows = ServiceRows::add(add, service.name);
  for (RoutePlan& route : service.routes) route.rows = RouteRows::add(add, service.name, route.name);
  service.row_set = resources.rows.hold(std::move(add.rows));
  return add.done;
}

// Another header than the usual one must be no room's: what it says would be read before it is replaced.
Result<> add_id(IdPlan& to, const image::RequestId& from) {
  if (from.header() && from.header()->size() != 0) to.header = from.header()->str();
  const auto of_a_name = [](char c) { return c > ' ' && c < 0x7f && c != ':'; };
  if (to.header.size() < 2 || to.header.size() > 64 || !std::ranges::all_of(to.header, of_a_name))
    return fail("ids are told in a header that has no name");
  const http::HeaderId known = http::look_alike_of(to.header);
  if (known != http::HeaderId::kOther && known != http::HeaderId::kXRequestId)
    return fail(fmt::format("{} cannot tell ids: it has a meaning of its own", to.header));
  to.answers = from.answers();
  return {};
}

Result<> add_trace(TracePlan& to, const image::Service& from) {
  if (from.trace() > image::TraceRule::MAX) return fail("an unknown rule for traces");
  if (from.trace_sampled() > 1'000'000) return fail("more traces are sampled than there are");
  to.rule = TracePlan::Rule(from.trace());
  to.sampled = from.trace_sampled();
  return {};
}

Result<> fill_service(ServicePlan& service, const image::Service& from, const image::Plan& plan,
                      PlanResources& resources, const ServicePlan* running) {
  if (from.mode() != image::Mode::tcp && from.mode() != image::Mode::http) return fail("an unknown mode");
  service.mode = from.mode() == image::Mode::tcp ? Mode::kTcp : Mode::kHttp;
  for (const image::Listen* listen : *from.listen()) {
    if (listen->port() == 0) return fail("it listens on port 0");
    service.listen.push_back({address_of(listen->address()), listen->port()});
  }
  if (auto done = add_limits(service, from); !done) return done;
  if (service.mode == Mode::kHttp) {
    if (auto routed = add_routes(service, from, plan, resources); !routed) return routed;
  } else if (from.routes() && from.routes()->size() != 0) {
    if (auto routed = add_tls_routes(service, from, plan, resources); !routed) return routed;
  } else if (from.pool() >= plan.pools()->size()) {
    return fail(fmt::format("it names pool {}, but there are {}", from.pool(), plan.pools()->size()));
  }
  service.pool = from.pool();
  service.userspace = from.transport() == image::Transport::userspace;
  auto policies = resources.policies.read(from.policies());
  if (!policies) return std::unexpected(std::move(policies.error()));
  service.policies = std::move(*policies);
  service.geo = resources.geo;
  if (from.request_id())
    if (auto done = add_id(service.id, *from.request_id()); !done) return done;
  if (auto done = add_trace(service.trace, from); !done) return done;
  if (running) service.connections = running->connections;
  if (auto counted = add_rows(service, resources, running); !counted) return counted;
  return from.tls() ? add_tls(service, *from.tls(), resources.certificates, running) : Result<>{};
}

Result<std::shared_ptr<const ServicePlan>> load_service(const image::Service& from, const image::Plan& plan,
                                                        PlanResources& resources, const plan_detail::Logs& logs,
                                                        const ServicePlan* running) {
  auto service = std::make_shared<ServicePlan>();
  service->name = from.name()->str();
  auto done = fill_service(*service, from, plan, resources, running);
  auto chosen = plan_detail::choose_logs(logs, from.logs());
  if (done && !chosen) done = std::unexpected(std::move(chosen.error()));
  if (!done) return std::unexpected(std::move(done.error()).in(fmt::format("service \"{}\"", service->name)));
  service->logs = std::move(*chosen);
  return service;
}

template <typename Table>
Result<> check_names(const flatbuffers::Vector<flatbuffers::Offset<Table>>& tables, const char* noun) {
  std::set<std::string_view> names;
  for (const Table* table : tables)
    if (!names.insert(table->name()->string_view()).second)
      return fail(fmt::format("{} \"{}\" is there twice", noun, table->name()->str()));
  return {};
}

Result<> check_listens(const LivePlan& plan) {
  std::set<Endpoint> listens;
  for (const auto& service : plan.services)
    for (const Endpoint& endpoint : service->listen)
      if (!listens.insert(endpoint).second)
        return fail(fmt::format("service \"{}\" listens on {}, and so does another", service->name, endpoint.text()));
  return {};
}

// A folder that is not there is refused when it is asked for; after a start, what else the plan serves counts for more:
// the disk may come later.
Result<> check_folders(const LivePlan& plan, bool starts) {
  for (const auto& service : plan.services) {
    for (const RoutePlan& route : service->routes) {
      const auto* files = std::get_if<route::Files>(&route.action);
      auto found = files == nullptr ? Result<>{} : plan_detail::find_folder(*files);
      if (found) continue;
      Error error = std::move(found.error()).in(fmt::format("service \"{}\": route \"{}\"", service->name, route.name));
      if (!starts) return std::unexpected(std::move(error));
      log::warning("{}; its requests are answered with 404 until it is there", error.message);
    }
  }
  return {};
}

// Parts of the plan in force, to be found by name.
template <typename Part>
class Known {
 public:
  explicit Known(const std::vector<std::shared_ptr<const Part>>& parts) {
    for (const auto& part : parts) by_name_.emplace(part->name, part.get());
  }
  const Part* find(std::string_view name) const {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : found->second;
  }

 private:
  std::unordered_map<std::string_view, const Part*> by_name_;
};

policy::PoolNumbers numbers_of(const std::vector<std::shared_ptr<const PoolPlan>>& pools) {
  policy::PoolNumbers numbers;
  for (uint32_t i = 0; i < pools.size(); ++i) numbers.emplace(pools[i]->name, i);
  return numbers;
}

// The files are read anew by each plan, as all that policies name. Others replace them by their own time: what only headers,
// keys and logs go by does not keep the process from a start.
Result<std::shared_ptr<const policy::Geo>> geo_of(const image::Geo* from, bool starts) {
  if (from == nullptr) return nullptr;
  const auto text = [](const flatbuffers::String* name) { return name ? name->str() : std::string(); };
  auto geo = policy::Geo::read(text(from->countries()), text(from->as_numbers()));
  if (!geo && starts) {
    log::warning("l7.geo: {}; where clients are is not known until a reload reads it", geo.error().message);
    return nullptr;
  }
  if (!geo) return std::unexpected(std::move(geo.error()).in("l7.geo"));
  return std::make_shared<const policy::Geo>(std::move(*geo));
}

WafPlan waf_of(const image::Waf* from) {
  return from == nullptr ? WafPlan() : WafPlan{from->workers(), from->queue(), from->memory_max(), {}};
}

Result<> load_parts(LivePlan& to, const image::Plan& from, PlanResources& resources, const LivePlan* running) {
  const LivePlan none;
  const Known known_pools((running ? *running : none).pools);
  for (const image::Pool* pool : *from.pools()) {
    auto loaded = load_pool(*pool, resources, known_pools.find(pool->name()->string_view()));
    if (!loaded) return std::unexpected(std::move(loaded.error()));
    to.pools.push_back(std::move(*loaded));
  }
  if (auto fits = check_memory(*from.caches()); !fits) return fits;
  for (const image::Cache* cache : *from.caches()) {
    auto loaded = cache_of(*cache, resources, running);
    if (!loaded) return std::unexpected(std::move(loaded.error()));
    to.caches.push_back(std::move(*loaded));
  }
  auto limits = plan_detail::load_rate_limits(from, resources, running);
  if (!limits) return std::unexpected(std::move(limits.error()));
  to.rate_limits = std::move(*limits);
  auto geo = geo_of(from.geo(), running == nullptr);
  if (!geo) return std::unexpected(std::move(geo.error()));
  to.geo = resources.geo = std::move(*geo);
  resources.policies = policy::PolicyBook(to.rate_limits, numbers_of(to.pools), to.geo);
  auto logs = plan_detail::load_logs(from, to.settings, resources.rows, running);
  if (!logs) return std::unexpected(std::move(logs.error()));
  to.logs = std::move(*logs);
  const Known known_services((running ? *running : none).services);
  for (const image::Service* service : *from.services()) {
    auto loaded = load_service(*service, from, resources, to.logs, known_services.find(service->name()->string_view()));
    if (!loaded) return std::unexpected(std::move(loaded.error()));
    to.services.push_back(std::move(*loaded));
  }
  to.waf = waf_of(from.waf());
  to.waf.sets = resources.policies.waf_sets();
  return check_listens(to);
}

}  // namespace

Result<PlanSettings> read_settings(Bytes image) {
  auto from = verified<image::Plan>(image, kPlanIdentifier);
  if (!from) return std::unexpected(std::move(from.error()));
  return settings_of(*(*from)->settings());
}

Result<std::shared_ptr<const LivePlan>> load_plan(Bytes image, PlanResources& resources, const LivePlan* running) {
  auto from = verified<image::Plan>(image, kPlanIdentifier);
  if (!from) return std::unexpected(std::move(from.error()));
  auto settings = settings_of(*(*from)->settings());
  if (!settings) return std::unexpected(std::move(settings.error()));
  for (const Result<>& named : {check_names(*(*from)->pools(), "pool"), check_names(*(*from)->caches(), "cache"),
                                check_names(*(*from)->services(), "service")})
    if (!named) return std::unexpected(named.error());
  if ((*from)->logs())
    if (auto named = check_names(*(*from)->logs(), "access log"); !named) return std::unexpected(named.error());
  resources.media_types.reset();
  auto plan = std::make_shared<LivePlan>();
  plan->generation = (*from)->generation();
  plan->cluster = (*from)->cluster()->str();
  plan->hash_key = {(*from)->hash_key_0(), (*from)->hash_key_1()};
  plan->shards = uint32_t(settings->cpus.size());
  plan->settings = std::move(*settings);
  if (auto done = load_parts(*plan, **from, resources, running); !done) return std::unexpected(std::move(done.error()));
  if (auto found = check_folders(*plan, running == nullptr); !found) return std::unexpected(std::move(found.error()));
  return plan;
}

Result<std::shared_ptr<const LivePlan>> load_pool_update(Bytes image, PlanResources& resources,
                                                         const LivePlan& running) {
  auto from = verified<image::PoolUpdate>(image, kPoolUpdateIdentifier);
  if (!from) return std::unexpected(std::move(from.error()));
  auto plan = std::make_shared<LivePlan>(running);
  plan->generation = (*from)->generation();
  for (const image::Pool* pool : *(*from)->pools()) {
    const auto place = std::ranges::find(plan->pools, pool->name()->string_view(),
                                         [](const auto& known) { return std::string_view(known->name); });
    if (place == plan->pools.end())
      return fail(fmt::format("the running plan has no pool \"{}\"", pool->name()->str()));
    auto loaded = load_pool(*pool, resources, place->get());
    if (!loaded) return std::unexpected(std::move(loaded.error()));
    *place = std::move(*loaded);
  }
  return plan;
}

namespace {

bool same(StartSetting setting, const PlanSettings& running, const PlanSettings& next) {
  switch (setting) {
    case StartSetting::kShards:
      return running.cpus == next.cpus;
    case StartSetting::kAccessLogRing:
      return running.access_log_ring_bytes == next.access_log_ring_bytes;
    default:
      return true;  // the others are the dataplane's
  }
}

}  // namespace

Result<> check_reloadable(const PlanSettings& running, const PlanSettings& next) {
  for (const StartRow& row : kStartSettings)
    if (row.process == StartsWith::kL7 && !same(row.setting, running, next))
      return fail(fmt::format("restart cardea-l7 to change {}", row.path), Origin::kOperator);
  return {};
}

}  // namespace cardea::l7
