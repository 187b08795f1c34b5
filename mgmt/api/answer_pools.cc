#include <algorithm>
#include <array>
#include <map>
#include <string_view>

#include "conf/pool_use.h"
#include "mgmt/api/answers.h"
#include "mgmt/api/away.h"
#include "mgmt/api/json.h"
#include "mgmt/api/l7_counts.h"
#include "mgmt/api/warnings.h"

namespace cardea::mgmt::api {
namespace {

using metrics::Traffic;
using HealthIndex = std::map<BackendRef, const health::TargetStatus*>;

std::string_view health_name(conf::HealthType type) {
  constexpr std::array<std::string_view, 4> kNames{"none", "tcp", "http", "https"};
  return kNames[size_t(type)];
}

const char* balance_name(conf::Balance balance) {
  switch (balance) {
    case conf::Balance::kMaglev:
      return "maglev";
    case conf::Balance::kRoundRobin:
      return "round_robin";
    case conf::Balance::kLeastConn:
      return "least_conn";
    case conf::Balance::kRandom:
      return "random";
    case conf::Balance::kP2c:
      return "p2c";
    case conf::Balance::kSourceHash:
      return "source_hash";
    case conf::Balance::kHash:
      return "hash";
  }
  return "";
}

Json number_or_null(std::optional<uint64_t> value) {
  return value ? Json(*value) : Json(nullptr);
}

// What requests told about the pool's backends, beside the health checks' word.
Json passive_signals(const conf::Pool& pool, const Traffic& traffic) {
  uint64_t requests = 0, connect_failures = 0, failures = 0, errors = 0;
  for (const auto& backend : pool.backends) {
    const Json one = l7_of_backend(traffic, pool.name, backend.address.text());
    requests += one["requests"].get<uint64_t>();
    connect_failures += one["connect_failures"].get<uint64_t>();
    failures += one["failures"].get<uint64_t>();
    errors += one["responses"]["5xx"].get<uint64_t>();
  }
  return {{"requests", requests},
          {"connect_failures", connect_failures},
          {"failures", failures},
          {"responses", {{"5xx", errors}}}};
}

Json pool_row(const conf::Pool& pool, const conf::PoolUse& use, const PoolState& state, const Traffic& traffic) {
  const auto serves = [](const Standing& standing) { return standing.ring_weight() > 0; };
  return {{"name", pool.name},
          {"balance", balance_name(pool.balance)},
          {"ring_size", state.ring ? Json(state.ring->slots.size()) : Json(nullptr)},
          {"tls", pool.tls.has_value()},
          {"services", use.services},
          {"backends_up", state.backends_up()},
          {"backends_total", state.backends.size()},
          {"serving", std::ranges::any_of(state.backends, serves)},
          {"panic", state.panic},
          {"health",
           {{"type", health_name(pool.health.type)},
            {"interval_ms", pool.health.interval.count()},
            {"timeout_ms", pool.health.timeout.count()},
            {"rise", pool.health.rise},
            {"fall", pool.health.fall}}},
          {"l7", use.l7 ? passive_signals(pool, traffic) : Json(nullptr)}};
}

Json health_row(const health::TargetStatus& status) {
  const std::string_view last = !status.checked ? "none" : status.last_reason.empty() ? "passed" : "failed";
  return {{"up", status.up},
          {"checked", status.checked},
          {"last_result", last},
          {"reason", status.last_reason},
          {"own_failure", text_or_null(status.own_failure)},
          {"since", time_text(status.since)},
          {"checks_passed", status.checks_passed},
          {"checks_failed", status.checks_failed},
          {"duration_ms", status.last_duration.count() / 1000.0}};
}

void add_l4(Json& row, const BackendRef& ref, const Traffic& traffic) {
  const auto count = [&](std::string_view name, std::string_view direction) {
    return traffic.value(name, {{"pool", ref.pool}, {"backend", ref.backend}, {"direction", direction}}).value_or(0);
  };
  row["flows"] = number_or_null(traffic.value("cardea_backend_flows", {{"pool", ref.pool}, {"backend", ref.backend}}));
  row["packets_in"] = count("cardea_backend_packets_total", "in");
  row["packets_out"] = count("cardea_backend_packets_total", "out");
  row["bytes_in"] = count("cardea_backend_bytes_total", "in");
  row["bytes_out"] = count("cardea_backend_bytes_total", "out");
  row["new_flows"] =
      traffic.value("cardea_backend_flows_total", {{"pool", ref.pool}, {"backend", ref.backend}}).value_or(0);
}

// Whoever uses the pool counts its backends; a pool without services has the dataplane's zeros.
void add_traffic(Json& row, const BackendRef& ref, const conf::PoolUse& use, const Traffic& traffic) {
  if (use.l4 || use.none()) {
    add_l4(row, ref, traffic);
  } else {
    for (const char* field : {"flows", "packets_in", "packets_out", "bytes_in", "bytes_out", "new_flows"})
      row[field] = nullptr;
  }
  row["l7"] = use.l7 ? l7_of_backend(traffic, ref.pool, ref.backend) : Json(nullptr);
}

Json override_weight(const Override& by_operator) {
  return by_operator.weight ? Json(*by_operator.weight) : Json(nullptr);
}

HealthIndex index_of(const std::vector<health::TargetStatus>& health) {
  HealthIndex index;
  for (const auto& status : health) index[{status.pool, status.backend}] = &status;
  return index;
}

Json backend_row(const View& view, size_t pool, size_t backend, const HealthIndex& health, const conf::PoolUse& use,
                 const Traffic& traffic) {
  const auto& config = view.in_force.config->pools[pool];
  const auto& state = view.in_force.states[pool];
  const auto& standing = state.backends[backend];
  const BackendRef ref{config.name, config.backends[backend].address.text()};
  const auto by_operator = view.runtime.override_of(ref);
  const bool unchecked = config.health.type == conf::HealthType::kNone;
  const auto status = health.find(ref);
  Json row{{"pool", ref.pool},
           {"address", ref.backend},
           {"state", name(standing.state)},
           {"standby", standing.standby},
           {"operator", name(by_operator.order)},
           {"health", unchecked || status == health.end() ? Json(nullptr) : health_row(*status->second)},
           {"weight_configured", config.backends[backend].weight},
           {"weight_override", override_weight(by_operator)},
           {"weight_effective", standing.ring_weight()},
           {"share_percent", 100 * state.share_of(backend)}};
  add_traffic(row, ref, use, traffic);
  return row;
}

}  // namespace

std::string pools_json(const View& view, const Traffic& traffic) {
  Json rows = Json::array();
  if (view.in_force) {
    const auto& config = *view.in_force.config;
    const conf::PoolUses uses(config);
    for (size_t i = 0; i < config.pools.size(); ++i)
      rows.push_back(pool_row(config.pools[i], uses.of(config.pools[i].name), view.in_force.states[i], traffic));
  }
  return dump({{"pools", rows}, {"away", away_rows(view)}});
}

std::string backends_json(const View& view, const std::vector<health::TargetStatus>& health, const Traffic& traffic,
                          const std::string& only_pool) {
  Json rows = Json::array();
  if (view.in_force) {
    const auto& config = *view.in_force.config;
    const conf::PoolUses uses(config);
    const auto index = index_of(health);
    for (size_t p = 0; p < config.pools.size(); ++p) {
      if (!only_pool.empty() && config.pools[p].name != only_pool) continue;
      const auto& use = uses.of(config.pools[p].name);
      for (size_t b = 0; b < config.pools[p].backends.size(); ++b)
        rows.push_back(backend_row(view, p, b, index, use, traffic));
    }
  }
  return dump({{"backends", rows}, {"away", away_rows(view)}});
}

std::string order_json(const OrderEnding& ending, const View& view, const BackendRef& ref,
                       const std::vector<health::TargetStatus>& health, const Traffic& traffic) {
  Json answer{
      {"backend", nullptr},
      {"previous", {{"operator", name(ending.previous.order)}, {"weight_override", override_weight(ending.previous)}}},
      {"applied", ending.applied},
      {"note", text_or_null(ending.note)},
      {"warnings", services_out(view, ref.pool)}};
  const auto rows = Json::parse(backends_json(view, health, traffic, ref.pool));
  for (const auto& row : rows.at("backends"))
    if (row.at("address") == ref.backend) answer["backend"] = row;
  return dump(answer);
}

}  // namespace cardea::mgmt::api
