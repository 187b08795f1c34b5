#include "l7/plan/load_pools.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <unordered_map>

#include "base/log.h"
#include "base/maglev.h"
#include "l7/plan/turn_order.h"

namespace cardea::l7::plan_detail {
namespace {

constexpr uint32_t kRingSlotsMax = 5'000'011;

Result<> check_ring(const image::Pool& pool) {
  const auto* ring = pool.ring();
  if (!has_ring(Balance(pool.balance()))) return {};
  if (ring == nullptr || ring->size() == 0)
    return fail(fmt::format("balance is {}, but there is no ring", image::EnumNameBalance(pool.balance())));
  if (ring->size() > kRingSlotsMax) return fail(fmt::format("its ring has {} slots", ring->size()));
  for (uint32_t slot = 0; slot < ring->size(); ++slot)
    if (ring->Get(slot) != kRingEmpty && ring->Get(slot) >= pool.backends()->size())
      return fail(fmt::format("slot {} of its ring names backend {}, but there are {}", slot, ring->Get(slot),
                              pool.backends()->size()));
  return {};
}

Result<> check_hash(const image::Pool& pool) {
  if (pool.hash_on() > image::HashOn::MAX) return fail("an unknown thing to hash on");
  const bool named = pool.hash_on() == image::HashOn::header || pool.hash_on() == image::HashOn::cookie;
  if (named && (pool.hash_name() == nullptr || pool.hash_name()->size() == 0))
    return fail(fmt::format("a hash on a {} without a name", image::EnumNameHashOn(pool.hash_on())));
  if (pool.hash_load_max() < 100 || pool.hash_load_max() > 10'000)
    return fail(fmt::format("hash_load_max of {} %", pool.hash_load_max()));
  return {};
}

Result<> check_pool(const image::Pool& pool) {
  if (pool.balance() > image::Balance::MAX) return fail("an unknown way to balance");
  if (pool.proxy_header() > image::ProxyVersion::MAX) return fail("an unknown version of the PROXY protocol");
  if (pool.http2() > image::PoolHttp2::MAX) return fail("an unknown use of HTTP/2");
  if (pool.backends()->size() > kRingBackendsMax) return fail(fmt::format("{} backends", pool.backends()->size()));
  std::set<std::string_view> names;
  for (const image::Backend* backend : *pool.backends()) {
    const std::string name = backend->name()->str();
    if (!names.insert(backend->name()->string_view()).second) return fail(fmt::format("backend {} is there twice", name));
    if (backend->state() > image::BackendState::MAX) return fail(fmt::format("backend {} has an unknown state", name));
    if (backend->port() == 0) return fail(fmt::format("backend {} has port 0", name));
  }
  for (const uint32_t ms : {pool.connect_timeout_ms(), pool.response_timeout_ms(), pool.idle_timeout_ms()})
    if (ms == 0) return fail("a timeout of 0 ms");
  if (auto fine = check_hash(pool); !fine) return fine;
  if (pool.ejection() != nullptr && (pool.ejection()->time_ms() == 0 || pool.ejection()->time_max_ms() == 0))
    return fail("an ejection of 0 ms");
  return check_ring(pool);
}

RetryPlan retry_of(const image::Retry& from) {
  RetryPlan retry{.statuses = {},
                  .timeouts = from.timeouts(),
                  .bad_responses = from.bad_responses(),
                  .unsafe_methods = from.unsafe_methods(),
                  .budget = from.budget(),
                  .attempt_timeout = milliseconds(from.attempt_timeout_ms())};
  if (from.statuses()) retry.statuses.assign(from.statuses()->begin(), from.statuses()->end());
  return retry;
}

EjectionPlan ejection_of(const image::Ejection& from) {
  return {from.errors(), from.gateway_errors(), milliseconds(from.time_ms()), milliseconds(from.time_max_ms()),
          from.share_max()};
}

BackendPlan backend_of(const image::Backend& from) {
  BackendPlan to;
  to.name = from.name()->str();
  to.endpoint = {address_of(*from.address()), from.port()};
  to.weight = from.weight();
  to.state = BackendState(from.state());
  to.connections_max = from.connections_max();
  to.standby = from.standby();
  if (from.sticky()) to.sticky = from.sticky()->str();
  return to;
}

// What is counted of a backend goes on being counted.
void keep_counts(PoolPlan& pool, const PoolPlan& running) {
  pool.turn = running.turn;
  pool.host = running.host;
  std::unordered_map<std::string_view, const BackendPlan*> known;
  for (const BackendPlan& backend : running.backends) known.emplace(backend.name, &backend);
  for (BackendPlan& backend : pool.backends)
    if (const auto found = known.find(backend.name); found != known.end()) backend.host = found->second->host;
}

std::vector<uint16_t> order_of(const PoolPlan& pool) {
  std::vector<uint32_t> weights;
  for (const BackendPlan& backend : pool.backends)
    weights.push_back(backend.serves() && !backend.standby ? backend.weight : 0);
  return turn_order(weights);
}

Result<> add_rows(PoolPlan& pool, PlanResources& resources, const PoolPlan* running) {
  if (running && std::ranges::equal(pool.backends, running->backends, {}, &BackendPlan::name, &BackendPlan::name)) {
    for (size_t i = 0; i < pool.backends.size(); ++i) pool.backends[i].rows = running->backends[i].rows;
    pool.rows = running->rows;
    pool.row_set = running->row_set;
    return {};
  }
  stats::RowAdder add = resources.rows.adder();
  pool.rows = PoolRows::add(add, pool.name);
  for (BackendPlan& backend : pool.backends) backend.rows = BackendRows::add(add, pool.name, backend.name);
  pool.row_set = resources.rows.hold(std::move(add.rows));
  return add.done;
}

std::string text_of(const flatbuffers::String* text) {
  return text ? text->str() : std::string();
}

// A backend that goes down must not wait for a file that was spoiled meanwhile: what is in force stays then.
Result<> add_tls(PoolPlan& pool, const image::BackendTls& from, CertificateStore& certificates,
                 const PoolPlan* running) {
  pool.tls = {text_of(from.server_name()), from.verify(), text_of(from.authorities()), nullptr};
  const image::Certificate* const own = from.certificate();
  if (own == nullptr) return {};
  auto loaded = certificates.load(own->name()->str(), own->cert()->str(), own->key()->str());
  const auto* const known = running && running->tls ? running->tls->certificate.get() : nullptr;
  if (loaded) {
    pool.tls->certificate = std::move(*loaded);
  } else if (known != nullptr && known->name == own->name()->str()) {
    log::warning("pool \"{}\": {}; the certificate that was read before is used", pool.name, loaded.error().message);
    pool.tls->certificate = running->tls->certificate;
  } else {
    return std::unexpected(std::move(loaded.error()));
  }
  return {};
}

}  // namespace

IpAddress address_of(const image::Address& address) {
  return IpAddress::v6_bytes(address.bytes()->data());
}

Result<std::shared_ptr<const PoolPlan>> load_pool(const image::Pool& from, PlanResources& resources,
                                                  const PoolPlan* running) {
  const std::string what = fmt::format("pool \"{}\"", from.name()->str());
  if (auto fine = check_pool(from); !fine) return std::unexpected(std::move(fine.error()).in(what));
  auto pool = std::make_shared<PoolPlan>();
  pool->name = from.name()->str();
  pool->balance = Balance(from.balance());
  pool->backends.reserve(from.backends()->size());
  for (const image::Backend* backend : *from.backends()) pool->backends.push_back(backend_of(*backend));
  if (auto counted = add_rows(*pool, resources, running); !counted)
    return std::unexpected(std::move(counted.error()).in(what));
  if (running) keep_counts(*pool, *running);
  pool->hash = {HashOn(from.hash_on()), text_of(from.hash_name()), http::header_id(text_of(from.hash_name())),
                from.hash_load_max()};
  pool->sticky_cookie = text_of(from.sticky_cookie());
  for (size_t i = 0; i < pool->backends.size(); ++i)
    if (!pool->backends[i].sticky.empty()) pool->by_sticky.emplace(pool->backends[i].sticky, uint16_t(i));
  pool->queue_length = from.queue_length();
  pool->queue_timeout = milliseconds(from.queue_timeout_ms());
  pool->panic = from.panic();
  pool->slow_start = milliseconds(from.slow_start_ms());
  if (from.ejection()) pool->ejection = ejection_of(*from.ejection());
  if (has_ring(pool->balance))
    pool->ring.assign(from.ring()->begin(), from.ring()->end());
  else
    pool->ring = order_of(*pool);
  pool->http2 = Http2(from.http2());
  if (from.tls())
    if (auto done = add_tls(*pool, *from.tls(), resources.certificates, running); !done)
      return std::unexpected(std::move(done.error()).in(what));
  pool->connect_timeout = milliseconds(from.connect_timeout_ms());
  pool->response_timeout = milliseconds(from.response_timeout_ms());
  pool->idle_timeout = milliseconds(from.idle_timeout_ms());
  pool->idle_max = from.idle_max();
  pool->retries = from.retries();
  if (from.retry()) pool->retry = retry_of(*from.retry());
  pool->response_header_bytes_max = from.response_header_bytes_max();
  pool->processing_timeout = milliseconds(from.processing_timeout_ms());
  pool->proxy_header = ProxyVersion(from.proxy_header());
  return pool;
}

}  // namespace cardea::l7::plan_detail
