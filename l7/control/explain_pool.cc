#include "l7/control/explain_pool.h"

#include <fmt/format.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/maglev.h"

namespace cardea::l7 {
namespace {

using Json = nlohmann::ordered_json;

const char* name_of(BackendState state) {
  constexpr const char* kNames[] = {"up", "down", "drain", "maint"};
  return kNames[size_t(state)];
}

const char* name_of(Balance balance) {
  constexpr const char* kNames[] = {"maglev", "round_robin", "least_conn", "random", "p2c", "source_hash", "hash"};
  return kNames[size_t(balance)];
}

// Of what its ring's slot is asked for.
std::string key_words(const PoolPlan& pool) {
  if (pool.balance == Balance::kMaglev) return "client's flow";
  if (pool.balance == Balance::kHash && pool.hash.on == HashOn::kUri) return "request's path and query";
  if (pool.balance == Balance::kHash && pool.hash.on == HashOn::kHeader)
    return fmt::format("header \"{}\" or, without it, the client's address", pool.hash.name);
  if (pool.balance == Balance::kHash && pool.hash.on == HashOn::kCookie)
    return fmt::format("cookie \"{}\" or, without it, the client's address", pool.hash.name);
  return "client's address";
}

std::string why(const BackendPlan& backend) {
  if (backend.state != BackendState::kUp) return fmt::format("gets nothing new: it is {}", name_of(backend.state));
  if (backend.weight == 0) return "gets nothing new: its weight is 0";
  const Instant now = monotonic_now(), until = backend.host->ejection.until();
  if (now < until)
    return fmt::format("is left alone for {} s, after errors in a row (ejected)",
                       std::chrono::ceil<std::chrono::seconds>(until - now).count());
  if (backend.standby) return "is a backup, and stands by while others serve";
  return "can serve";
}

// Whether one can serve.
bool explain_candidates(Json& json, const PoolPlan& pool) {
  Json candidates = Json::array();
  bool any = false;
  for (const BackendPlan& backend : pool.backends) {
    any = any || backend.serves();
    candidates.push_back({{"backend", backend.name},
                          {"state", name_of(backend.state)},
                          {"weight", backend.weight},
                          {"why", why(backend)}});
  }
  json["candidates"] = std::move(candidates);
  return any;
}

std::string slot_words(Json& json, const PoolPlan& pool, uint64_t hash) {
  const uint32_t slot = ring_slot(hash, uint32_t(pool.ring.size()));
  json["hash"] = fmt::format("{:#018x}", hash), json["slot"] = slot;
  if (pool.ring[slot] >= pool.backends.size()) return fmt::format("Slot {} of the ring is nobody's.", slot);
  json["backend"] = pool.backends[pool.ring[slot]].name;
  const std::string bound =
      pool.balance != Balance::kHash
          ? ""
          : fmt::format(" While that has {} % of its share under way, it is the next on the ring.", pool.hash.load_max);
  return fmt::format("The hash of the {} falls on slot {} of {} of the ring of pool \"{}\": backend {}.{}",
                     key_words(pool), slot, pool.ring.size(), pool.name, pool.backends[pool.ring[slot]].name, bound);
}

void explain_protocol(Json& json, std::vector<std::string>& story, const PoolPlan& pool) {
  if (pool.http2 == Http2::kOff) return;
  const bool asks = pool.http2 == Http2::kTls;
  json["http2"] = asks ? "tls" : "prior_knowledge";
  story.push_back(fmt::format("The backends of pool \"{}\" are spoken to in HTTP/2{}.", pool.name,
                              asks ? " where they choose it in the TLS handshake" : ""));
}

std::string words_of(const RetryPlan& retry) {
  std::string words;
  const auto add = [&](std::string_view more) { words.append(words.empty() ? "" : ", ").append(more); };
  if (retry.timeouts) add("no answer in time");
  if (retry.bad_responses) add("an answer that is no HTTP");
  for (const uint16_t status : retry.statuses) add(fmt::format("status {}", status));
  return words;
}

void explain_retries(std::vector<std::string>& story, const PoolPlan& pool) {
  const std::string causes = words_of(pool.retry);
  if (pool.retries == 0 || causes.empty()) return;
  const std::string budget =
      pool.retry.budget == 0 ? "" : fmt::format(", as long as retries are less than {} % of the requests", pool.retry.budget);
  story.push_back(fmt::format("After {} another backend is asked, {} times at most{}{}.", causes, pool.retries,
                              pool.retry.unsafe_methods ? ", whatever the method" : "", budget));
}

// What has the say before the balance, or behind it.
void explain_exceptions(Json& json, std::vector<std::string>& story, const PoolPlan& pool) {
  json["panic"] = pool.panic;
  if (pool.panic)
    story.push_back(
        fmt::format("Pool \"{}\" is in panic: too few of its backends are up, so those that are down get "
                    "requests too.",
                    pool.name));
  if (!pool.sticky_cookie.empty())
    story.push_back(
        fmt::format("A client whose cookie \"{}\" names a backend of pool \"{}\" stays with it while it "
                    "answers.",
                    pool.sticky_cookie, pool.name));
  if (pool.queue_length != 0)
    story.push_back(
        fmt::format("Where all are at connections_max the request waits, for {} ms at most and with {} others.",
                    pool.queue_timeout.count(), pool.queue_length - 1));
  explain_retries(story, pool);
}

}  // namespace

void explain_balance(Json& json, std::vector<std::string>& story, const PoolPlan& pool, std::optional<uint64_t> hash) {
  json["pool"] = pool.name, json["balance"] = name_of(pool.balance);
  json["hash"] = nullptr, json["slot"] = nullptr, json["backend"] = nullptr;
  explain_protocol(json, story, pool);
  if (!explain_candidates(json, pool)) {
    json["verdict"] = "reply", json["status"] = 503, json["reason"] = "no_backend";
    story.push_back(
        fmt::format("No backend of pool \"{}\" can serve: the client is answered 503, no_backend.", pool.name));
    return;
  }
  json["verdict"] = "proxy", json["status"] = nullptr, json["reason"] = "ok";
  if (pool.proxy_header != ProxyVersion::kNone)
    story.push_back(fmt::format("Connections to its backends begin with a header of the PROXY protocol, version {}.",
                                int(pool.proxy_header)));
  explain_exceptions(json, story, pool);
  if (!has_ring(pool.balance) || pool.ring.empty()) {
    story.push_back(fmt::format("Pool \"{}\" chooses among its backends when the request comes ({}).", pool.name,
                                name_of(pool.balance)));
  } else if (hash) {
    story.push_back(slot_words(json, pool, *hash));
  } else {
    story.push_back(
        fmt::format("Which backend of pool \"{}\" it is depends on the client's address{} ({}): "
                    "--client ADDRESS:PORT says who asks.",
                    pool.name, pool.balance == Balance::kMaglev ? " and port" : "", name_of(pool.balance)));
  }
}

}  // namespace cardea::l7
