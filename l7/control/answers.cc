// The questions and the JSON of their answers, but for explain, which has a file of its own.
#include "l7/control/answers.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "l7/cache/cache.h"
#include "l7/control/exchanges.h"
#include "l7/control/explain.h"
#include "l7/control/limits.h"
#include "l7/control/tcp_connections.h"
#include "l7/control/url.h"

namespace cardea::l7 {
namespace {

using Json = nlohmann::ordered_json;

std::chrono::sys_seconds now_in_seconds() {
  return std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
}

// What cardea-waf said of itself last; null: no plan needs it.
Json waf_json(const WafLink& waf) {
  if (!waf.needed()) return nullptr;
  Json json = Json::parse(waf.said(), nullptr, false);
  if (!json.is_object()) json = Json::object();
  json["state"] = waf.state();
  return json;
}

Json status_json(const Running& running) {
  const LivePlan& plan = running.plan();
  Json shards = Json::array();
  for (size_t i = 0; i < running.shards().size(); ++i)
    shards.push_back({{"cpu", plan.settings.cpus[i]}, {"busy_percent", running.busy_percent(i)}});
  return {{"generation", plan.generation},
          {"pid", ::getpid()},
          {"started_at", running.started_at().time_since_epoch().count()},
          {"shards", std::move(shards)},
          {"connections", running.connections()},
          {"door", plan.needs_door() || running.door_attached() ? Json(running.door_attached() ? "attached" : "away")
                                                                : Json(nullptr)},
          {"waf", waf_json(running.waf())},
          {"plan_services", plan.services.size()}};
}

std::string warning_of(const tls::Certificate& certificate) {
  std::string warning = tls::expiry_warning(certificate, now_in_seconds());
  return warning.empty() ? tls::staple_warning(certificate, now_in_seconds()) : warning;
}

// Null: nothing is stapled.
Json stapled_until(const tls::Certificate& certificate) {
  const auto held = certificate.staple->get(now_in_seconds());
  return held ? Json(held->next_update.time_since_epoch().count()) : Json();
}

Json certificate_json(const ServicePlan& service, const tls::Certificate& certificate) {
  return {{"service", service.name},
          {"name", certificate.name},
          {"names", certificate.names},
          {"key_type", certificate.key_type},
          {"issuer", certificate.issuer},
          {"serial", certificate.serial},
          {"not_before", certificate.not_before.time_since_epoch().count()},
          {"not_after", certificate.not_after.time_since_epoch().count()},
          {"stapled_until", stapled_until(certificate)},
          {"ocsp_problem", certificate.staple->problem()},
          {"warning", warning_of(certificate)}};
}

// `due`: only those that somebody has to do something about.
Json certs_json(const LivePlan& plan, bool due) {
  Json certificates = Json::array();
  for (const auto& service : plan.services)
    for (const auto& certificate : service->certificates)
      if (!due || !warning_of(*certificate).empty())
        certificates.push_back(certificate_json(*service, *certificate));
  return {{"certificates", std::move(certificates)}};
}

Json cache_json(const LivePlan& plan) {
  Json caches = Json::array();
  for (const CachePlan& cache : plan.caches) {
    const cache::Figures now = cache.cache->figures();
    caches.push_back({{"name", cache.name},
                      {"bytes", now.bytes},
                      {"bytes_max", cache.limits.memory},
                      {"objects", now.objects},
                      {"stored", now.stored},
                      {"evicted", now.evicted},
                      {"purged", now.purged}});
  }
  return {{"caches", std::move(caches)}};
}

Result<Json> purge_json(const LivePlan& plan, const Json& question) {
  auto url = parse_url(question.value("url", std::string()));
  if (!url) return std::unexpected(std::move(url.error()));
  size_t purged = 0;
  for (const CachePlan& cache : plan.caches) purged += cache.cache->purge(url->scheme, url->authority, url->target());
  return Json{{"purged", purged}};
}

Result<Json> explain_json(const Running& running, const Json& question) {
  auto url = parse_url(question.value("url", std::string()));
  if (!url) return std::unexpected(std::move(url.error()));
  ExplainRequest request{
      question.value("method", std::string("GET")), std::move(*url), question.value("service", std::string()), {}, {}};
  if (const std::string client = question.value("client", std::string()); !client.empty()) {
    auto endpoint = Endpoint::parse(client);
    if (!endpoint) return std::unexpected(std::move(endpoint.error()).in("client"));
    request.client = *endpoint;
  }
  request.headers = question.value("headers", std::vector<std::string>());
  return explain(running.plan(), request);
}

Result<Json> exchanges_json(Running& running, const Json& question) {
  constexpr size_t kMost = 1000;
  if (const std::string id = question.value("id", std::string()); !id.empty()) return recorded_exchange(running, id);
  return recorded_exchanges(running, question.value("kind", std::string()),
                            std::min(question.value("limit", kMost), kMost));
}

// Without a number somebody begins to look on.
Result<Json> tail_json(Running& running, const Json& question) {
  const Instant now = monotonic_now();
  auto number = question.value("number", uint64_t{0});
  if (question.value("end", false)) {
    running.tails().end(number, running.shards());
    return Json{{"number", number}};
  }
  if (number == 0) {
    auto begun = running.tails().begin(question.value("filter", std::string()), running.shards(), now);
    if (!begun) return std::unexpected(std::move(begun.error()));
    number = *begun;
  }
  auto seen = running.tails().since(number, now);
  if (!seen) return std::unexpected(std::move(seen.error()));
  return Json{{"number", number}, {"lines", std::move(seen->lines)}, {"dropped", seen->dropped}};
}

Result<Json> connections_json(Running& running, const Json& question) {
  constexpr size_t kMost = 2000;
  const std::string peer = question.value("peer", std::string());
  if (!peer.empty())
    if (auto parsed = IpAddress::parse(peer); !parsed) return std::unexpected(std::move(parsed.error()).in("peer"));
  return tcp_connections(running, peer, std::min(question.value("limit", kMost), kMost));
}

// Once: who asks has to remember them.
Json blamed_json(Running& running) {
  Json all = Json::array();
  for (const auto& one : running.take_blamed(monotonic_now()))
    all.push_back({{"client", one.client.text()}, {"block_ms", one.block_ms}, {"limit", one.limit}});
  return {{"blamed", std::move(all)}};
}

Result<Json> answer_json(const Json& question, Running& running) {
  const std::string what = question.value("ask", std::string());
  if (what == "status") return status_json(running);
  if (what == "explain") return explain_json(running, question);
  if (what == "certs") return certs_json(running.plan(), question.value("due", false));
  if (what == "cache") return cache_json(running.plan());
  if (what == "exchanges") return exchanges_json(running, question);
  if (what == "tail") return tail_json(running, question);
  if (what == "connections") return connections_json(running, question);
  if (what == "blamed") return blamed_json(running);
  if (what == "limits") return limits_json(running.plan(), monotonic_now());
  if (what == "purge") return purge_json(running.plan(), question);
  return fail(fmt::format("unknown question \"{}\"", what), Origin::kOperator);
}

}  // namespace

Result<std::string> answer_question(std::string_view question, Running& running) try {
  const Json json = Json::parse(question, nullptr, false);
  if (!json.is_object()) return fail("the question is not a JSON object", Origin::kOperator);
  auto answer = answer_json(json, running);
  if (!answer) return std::unexpected(std::move(answer.error()));
  return answer->dump(-1, ' ', false, Json::error_handler_t::replace);
} catch (const nlohmann::json::exception& error) {
  return fail(fmt::format("the question's fields are of the wrong kind: {}", error.what()), Origin::kOperator);
}

}  // namespace cardea::l7
