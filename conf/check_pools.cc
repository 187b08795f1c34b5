// Checks of `pools`: backends that can be reached, rings that share exactly, health checks that can succeed.
#include <algorithm>

#include "conf/check_parts.h"

namespace cardea::conf {
namespace {

bool is_prime(uint32_t number) {
  if (number < 2) return false;
  for (uint64_t divisor = 2; divisor * divisor <= number; ++divisor)
    if (number % divisor == 0) return false;
  return true;
}

uint32_t prime_from(uint32_t number) {
  while (!is_prime(number)) ++number;
  return number;
}

void check_ring(Checks& checks, const Pool& pool) {
  constexpr uint32_t kSizeMax = 5'000'011;  // itself a prime
  constexpr size_t kEntriesGood = 100;      // a backend: shares are exact within 1 %
  const std::string path = pool.place.path + ".ring_size";
  if (checks.places.spoilt(path) || !pool.ring_size) return;
  if (!is_prime(*pool.ring_size)) {
    checks.report(Finding::error, path, fmt::format("{} is not a prime number", *pool.ring_size), "a prime number",
                  std::to_string(prime_from(*pool.ring_size)));
  } else if (*pool.ring_size < pool.backends.size() * kEntriesGood) {
    const auto good = uint32_t(std::min<size_t>(kSizeMax, pool.backends.size() * kEntriesGood));
    checks.report(Finding::warning, path,
                  fmt::format("a ring of {} entries is small for {} backends: shares will be off by more than 1 %",
                              *pool.ring_size, pool.backends.size()),
                  "100 entries or more for each backend", std::to_string(prime_from(good)));
  }
}

void check_backends(Checks& checks, const Pool& pool) {
  Unique addresses(checks, "backend");
  bool any_weight = pool.backends.empty() || checks.places.spoilt(pool.place.path + ".backends");
  for (const Backend& backend : pool.backends) {
    any_weight |= backend.weight > 0;
    const std::string path = backend.place.path + ".address";
    if (backend.address.port == 0) continue;
    addresses.add(backend.address.text(), path);
    const Loopback loopback = checks.uses.of(pool.name).l4 ? Loopback::kRefused : Loopback::kAllowed;
    if (const char* why = unusable(backend.address.address, loopback)) {
      checks.report(Finding::error, path, fmt::format("{} is {}", backend.address.address.text(), why),
                    "an address packets can be sent to");
    }
  }
  if (!any_weight)
    checks.report(Finding::warning, pool.place.path + ".backends",
                  fmt::format("all backends of pool {} have weight 0: it takes no connections", in_quotes(pool.name)));
}

bool printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

void check_request(Checks& checks, const HealthCheck& health, const std::string& path) {
  const auto refuse = [&](const char* setting, std::string message, std::string expected) {
    checks.report(Finding::error, path + setting, std::move(message), std::move(expected));
  };
  if (!health.path.starts_with('/'))
    refuse(".path", in_quotes(health.path) + " does not begin with '/'", "a path such as \"/health\"");
  if (!printable(health.path))
    refuse(".path", "it holds a blank or a character outside ASCII", "such characters written as %20");
  if (health.host.contains('/'))
    refuse(".host", in_quotes(health.host) + " is a URL, or part of one", "a host name such as \"shop.example\"");
  if (!printable(health.host))
    refuse(".host", "it holds a blank or a character outside ASCII", "a host name such as \"shop.example\"");
  if (health.expect.empty()) refuse(".expect", "no status would be accepted", "at least one, such as [200]");
}

// Settings of another kind of check are probably a leftover or a wrong `type`.
void check_idle_settings(Checks& checks, const HealthCheck& health, const std::string& path) {
  std::vector<const char*> idle;
  const bool http = health.type == HealthType::kHttp || health.type == HealthType::kHttps;
  if (!http) idle.insert(idle.end(), {"path", "host", "expect", "body"});
  if (health.type != HealthType::kHttps) idle.push_back("verify");
  if (health.type == HealthType::kNone)
    idle.insert(idle.end(), {"port", "interval", "timeout", "rise", "fall", "jitter_percent"});
  static const Row* type = find_row("pools[].health.type");
  for (const char* setting : idle) {
    const std::string here = join_path(path, setting);
    if (!checks.places.written(here) || checks.places.spoilt(path + ".type")) continue;
    checks.report(Finding::warning, here,
                  fmt::format("has no effect on a health check of type {}", type->values(&health).front()));
  }
}

void check_health(Checks& checks, const Pool& pool) {
  const std::string path = pool.place.path + ".health";
  const HealthCheck& health = pool.health;
  check_idle_settings(checks, health, path);
  if (health.type == HealthType::kHttp || health.type == HealthType::kHttps) check_request(checks, health, path);
  if (health.type == HealthType::kNone || checks.places.spoilt(path)) return;
  if (health.timeout > health.interval) {
    static const Row* interval = find_row("pools[].health.interval");
    static const Row* timeout = find_row("pools[].health.timeout");
    checks.report(
        Finding::warning, path + (checks.places.written(path + ".timeout") ? ".timeout" : ".interval"),
        fmt::format("the timeout of {} is longer than the interval of {}: checks are delayed by slow backends",
                    timeout->values(&health).front(), interval->values(&health).front()),
        "a timeout no longer than the interval");
  }
}

// What the dataplane cannot do, and what it ignores.
void check_l4_use(Checks& checks, const Pool& pool) {
  static const Row* balance = find_row("pools[].balance");
  const std::string path = pool.place.path;
  if (pool.balance != Balance::kMaglev) {
    checks.report(Finding::error, path + ".balance",
                  fmt::format("an l4 service uses pool {}, and packets cannot be balanced by {}", in_quotes(pool.name),
                              balance->values(&pool).front()),
                  "\"maglev\", or a pool of its own for the l4 service");
  }
  if (checks.uses.of(pool.name).l7) return;
  const std::string where = "a pool that only l4 services use";
  check_idle(checks, path,
             {"tls", "http2", "connect_timeout", "response_timeout", "idle_timeout", "idle_connections", "retries",
              "response_header_max", "processing_timeout", "hash_on", "hash_name", "hash_load_max", "slow_start",
              "ejection", "sticky", "queue", "proxy_protocol", "retry"},
             where);
  for (const Backend& backend : pool.backends) check_idle(checks, backend.place.path, {"connections_max"}, where);
}

void check_hash(Checks& checks, const Pool& pool) {
  const std::string path = pool.place.path;
  if (checks.places.spoilt(path)) return;
  if (pool.balance != Balance::kHash)
    return check_idle(checks, path, {"hash_on", "hash_name", "hash_load_max"}, "a pool that is not balanced by \"hash\"");
  if (pool.hash_on == HashOn::kClient || pool.hash_on == HashOn::kUri) {
    check_idle(checks, path, {"hash_name"}, "a hash of neither a header nor a cookie");
  } else if (pool.hash_name.empty()) {
    checks.report(Finding::error, path + ".hash_name", "it is missing: nobody knows which header or cookie is hashed",
                  "hash_name = \"X-Tenant\"");
  }
}

// Backups alone are backups of nobody.
void check_backups(Checks& checks, const Pool& pool) {
  const auto is_backup = [](const Backend& one) { return one.backup; };
  if (pool.backends.empty() || !std::ranges::all_of(pool.backends, is_backup)) return;
  checks.report(Finding::warning, pool.place.path + ".backends",
                fmt::format("all backends of pool {} are backups: it is as if none were", in_quotes(pool.name)));
}

void check_ejection(Checks& checks, const Pool& pool) {
  if (!pool.ejection || checks.places.spoilt(pool.ejection->place.path)) return;
  const std::string path = pool.ejection->place.path;
  if (pool.ejection->time > pool.ejection->time_max)
    checks.report(Finding::error, path + ".time_max", "it is shorter than `time`", "a time_max no shorter than `time`");
  if (pool.backends.size() == 1)
    checks.report(Finding::warning, path, "has no effect on a pool of one backend: the last one is never ejected");
}

void check_queue(Checks& checks, const Pool& pool) {
  const auto limited = [](const Backend& one) { return one.connections_max != 0; };
  if (!pool.queue || checks.places.spoilt(pool.place.path)) return;
  if (!std::ranges::all_of(pool.backends, limited))
    checks.report(Finding::warning, pool.queue->place.path,
                  "has no effect: a backend without connections_max is never full",
                  "connections_max for every backend");
}

void check_l7_use(Checks& checks, const Pool& pool) {
  static const Row *connect = find_row("pools[].connect_timeout"), *response = find_row("pools[].response_timeout");
  const std::string path = pool.place.path;
  if (!pool.has_ring()) check_idle(checks, path, {"ring_size"}, "a pool that is not balanced by a ring");
  check_hash(checks, pool);
  if (pool.connect_timeout > pool.response_timeout && !checks.places.spoilt(path)) {
    checks.report(Finding::warning, path + ".connect_timeout",
                  fmt::format("a backend may take {} to accept a connection, and only {} to answer on it",
                              connect->values(&pool).front(), response->values(&pool).front()),
                  "a connect_timeout shorter than the response_timeout");
  }
  if (pool.http2 == PoolHttp2::kTls && !pool.tls && !checks.places.spoilt(path)) {
    checks.report(Finding::error, path + ".http2", "HTTP/2 is agreed on in the TLS handshake, and the pool has no tls",
                  "a tls group, or \"prior_knowledge\" for backends that speak HTTP/2 over plain connections");
  }
  if (pool.http2 != PoolHttp2::kOff && pool.proxy_protocol != ProxyVersion::kNone && !checks.places.spoilt(path)) {
    checks.report(Finding::error, path + ".http2", "a connection that clients share cannot begin with the address of one",
                  "http2 = \"off\", or proxy_protocol = \"none\"");
  }
  if (!pool.tls) return;
  if (pool.health.type == HealthType::kHttp && !pool.health.port) {
    checks.report(Finding::warning, path + ".health.type",
                  "the backends are spoken to in TLS and checked in plain HTTP on the same port", "\"https\"");
  }
  if (pool.tls->certificate && !pool.tls->certificate->ocsp.empty())
    checks.report(Finding::error, path + ".tls.certificate.ocsp", "what is shown to backends is not stapled",
                  "no ocsp here: it belongs to certificates of services");
  if (!pool.tls->verify)
    check_idle(checks, path + ".tls", {"authorities"}, "backends whose certificates are not verified");
}

void check_use(Checks& checks, const Pool& pool) {
  if (pool.name.empty() || checks.places.spoilt("services")) return;
  const PoolUse use = checks.uses.of(pool.name);
  if (use.none() && checks.unsure.empty())
    checks.report(Finding::hint, pool.place.path, fmt::format("no service uses pool {}", in_quotes(pool.name)));
  if (use.l4) check_l4_use(checks, pool);
  if (use.l7) check_l7_use(checks, pool);
}

}  // namespace

void check_pools(Checks& checks) {
  Unique names(checks, "pool name");
  for (const Pool& pool : checks.config.pools) {
    if (!pool.name.empty()) names.add(in_quotes(pool.name), pool.place.path + ".name");
    check_ring(checks, pool);
    check_backends(checks, pool);
    check_backups(checks, pool);
    check_ejection(checks, pool);
    check_queue(checks, pool);
    check_health(checks, pool);
    check_use(checks, pool);
  }
}

}  // namespace cardea::conf
