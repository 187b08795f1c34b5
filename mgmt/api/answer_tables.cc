#include <algorithm>
#include <array>
#include <map>
#include <string_view>

#include "mgmt/api/answers.h"
#include "mgmt/api/json.h"

namespace cardea::mgmt::api {
namespace {

using metrics::Traffic;
using HealthIndex = std::map<BackendRef, const health::TargetStatus*>;

std::string_view forward_name(conf::Forward forward) {
  return forward == conf::Forward::kIpip ? "ipip" : "fullnat";
}

std::string_view health_name(conf::HealthType type) {
  constexpr std::array<std::string_view, 4> kNames{"none", "tcp", "http", "https"};
  return kNames[size_t(type)];
}

size_t count_up(const PoolState& state) {
  return size_t(std::ranges::count(state.backends, State::kUp, &Standing::state));
}

Json number_or_null(std::optional<uint64_t> value) {
  return value ? Json(*value) : Json(nullptr);
}

Json service_row(const conf::Service& service, const Traffic& traffic) {
  const auto count = [&](std::string_view name, std::string_view direction) {
    return traffic.value(name, {{"service", service.name}, {"direction", direction}}).value_or(0);
  };
  Json listen = Json::array();
  for (const auto& one : service.listen) listen.push_back(one.endpoint.text() + "/" + std::string(name(one.protocol)));
  return {{"name", service.name},
          {"mode", "l4"},
          {"forward", forward_name(service.forward)},
          {"listen", listen},
          {"pool", service.pool},
          {"backends_up", 0},
          {"backends_total", 0},
          {"packets_in", count("cardea_service_packets_total", "in")},
          {"packets_out", count("cardea_service_packets_total", "out")},
          {"bytes_in", count("cardea_service_bytes_total", "in")},
          {"bytes_out", count("cardea_service_bytes_total", "out")},
          {"new_flows", traffic.value("cardea_service_flows_total", {{"service", service.name}}).value_or(0)}};
}

Json pool_row(const conf::Config& config, const conf::Pool& pool, const PoolState& state) {
  Json services = Json::array();
  for (const auto& service : config.services)
    if (service.pool == pool.name) services.push_back(service.name);
  const auto serves = [](const Standing& standing) { return standing.ring_weight() > 0; };
  return {{"name", pool.name},
          {"balance", "maglev"},
          {"ring_size", pool.ring_slots()},
          {"services", services},
          {"backends_up", count_up(state)},
          {"backends_total", state.backends.size()},
          {"serving", std::ranges::any_of(state.backends, serves)},
          {"health",
           {{"type", health_name(pool.health.type)},
            {"interval_ms", pool.health.interval.count()},
            {"timeout_ms", pool.health.timeout.count()},
            {"rise", pool.health.rise},
            {"fall", pool.health.fall}}}};
}

Json health_row(const health::TargetStatus& status) {
  const std::string_view last = !status.checked ? "none" : status.last_reason.empty() ? "passed" : "failed";
  return {{"up", status.up},
          {"checked", status.checked},
          {"last_result", last},
          {"reason", status.last_reason},
          {"since", time_text(status.since)},
          {"checks_passed", status.checks_passed},
          {"checks_failed", status.checks_failed},
          {"duration_ms", status.last_duration.count() / 1000.0}};
}

void add_traffic(Json& row, const BackendRef& ref, const Traffic& traffic) {
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

Json override_weight(const Override& by_operator) {
  return by_operator.weight ? Json(*by_operator.weight) : Json(nullptr);
}

HealthIndex index_of(const std::vector<health::TargetStatus>& health) {
  HealthIndex index;
  for (const auto& status : health) index[{status.pool, status.backend}] = &status;
  return index;
}

Json backend_row(const View& view, size_t pool, size_t backend, const HealthIndex& health, const Traffic& traffic) {
  const auto& config = view.in_force.config->pools[pool];
  const auto& state = view.in_force.states[pool];
  const auto& standing = state.backends[backend];
  const BackendRef ref{config.name, config.backends[backend].address.text()};
  const auto by_operator = view.runtime.override_of(ref);
  const auto checked = health.find(ref);
  Json row{{"pool", ref.pool},
           {"address", ref.backend},
           {"state", name(standing.state)},
           {"operator", name(by_operator.order)},
           {"health", checked == health.end() ? Json(nullptr) : health_row(*checked->second)},
           {"weight_configured", config.backends[backend].weight},
           {"weight_override", override_weight(by_operator)},
           {"weight_effective", standing.ring_weight()},
           {"share_percent", 100 * state.share_of(backend)}};
  add_traffic(row, ref, traffic);
  return row;
}

}  // namespace

std::string services_json(const View& view, const Traffic& traffic) {
  Json rows = Json::array();
  if (view.in_force) {
    const auto& config = *view.in_force.config;
    std::map<std::string_view, const PoolState*> states;
    for (size_t i = 0; i < config.pools.size(); ++i) states[config.pools[i].name] = &view.in_force.states[i];
    for (const auto& service : config.services) {
      auto& row = rows.emplace_back(service_row(service, traffic));
      if (const auto found = states.find(service.pool); found != states.end()) {
        row["backends_up"] = count_up(*found->second);
        row["backends_total"] = found->second->backends.size();
      }
    }
  }
  return dump({{"services", rows}});
}

std::string pools_json(const View& view) {
  Json rows = Json::array();
  if (view.in_force)
    for (size_t i = 0; i < view.in_force.states.size(); ++i)
      rows.push_back(pool_row(*view.in_force.config, view.in_force.config->pools[i], view.in_force.states[i]));
  return dump({{"pools", rows}});
}

std::string backends_json(const View& view, const std::vector<health::TargetStatus>& health, const Traffic& traffic,
                          const std::string& only_pool) {
  Json rows = Json::array();
  const auto index = index_of(health);
  for (size_t p = 0; view.in_force && p < view.in_force.states.size(); ++p) {
    if (!only_pool.empty() && view.in_force.config->pools[p].name != only_pool) continue;
    for (size_t b = 0; b < view.in_force.states[p].backends.size(); ++b)
      rows.push_back(backend_row(view, p, b, index, traffic));
  }
  return dump({{"backends", rows}});
}

std::string order_json(const OrderEnding& ending, const View& view, const BackendRef& ref,
                       const std::vector<health::TargetStatus>& health, const Traffic& traffic) {
  Json answer{
      {"backend", nullptr},
      {"previous", {{"operator", name(ending.previous.order)}, {"weight_override", override_weight(ending.previous)}}},
      {"applied", ending.applied},
      {"note", text_or_null(ending.note)}};
  const auto rows = Json::parse(backends_json(view, health, traffic, ref.pool));
  for (const auto& row : rows.at("backends"))
    if (row.at("address") == ref.backend) answer["backend"] = row;
  return dump(answer);
}

}  // namespace cardea::mgmt::api
