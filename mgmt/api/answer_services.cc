#include <map>
#include <string_view>

#include "conf/pool_use.h"
#include "mgmt/api/answers.h"
#include "mgmt/api/away.h"
#include "mgmt/api/json.h"
#include "mgmt/api/l7_counts.h"

namespace cardea::mgmt::api {
namespace {

using metrics::Traffic;

// How many of a pool's backends are up, and how many there are.
class Up {
 public:
  explicit Up(const Candidate& in_force) {
    for (size_t i = 0; i < in_force.states.size(); ++i) states_[in_force.config->pools[i].name] = &in_force.states[i];
  }
  void add_to(Json& row, const std::vector<std::string_view>& pools) const {
    size_t up = 0, total = 0;
    for (const auto pool : pools)
      if (const auto found = states_.find(pool); found != states_.end()) {
        up += found->second->backends_up();
        total += found->second->backends.size();
      }
    row["backends_up"] = up;
    row["backends_total"] = total;
  }

 private:
  std::map<std::string_view, const PoolState*> states_;
};

Json words_of(const conf::Service& service) {
  Json listen = Json::array();
  for (const auto& one : service.listen) listen.push_back(one.endpoint.text() + "/" + std::string(name(one.protocol)));
  const bool l4 = service.mode == conf::Mode::kL4, ipip = service.forward == conf::Forward::kIpip;
  return {{"name", service.name},
          {"mode", name(service.mode)},
          {"tls", service.tls.has_value()},
          {"forward", l4 ? Json(ipip ? "ipip" : "fullnat") : Json(nullptr)},
          {"listen", listen},
          {"pool", text_or_null(service.pool)},
          {"routes", service.routes.size()}};
}

void add_l4(Json& row, const conf::Service& service, const Traffic& traffic) {
  const auto count = [&](std::string_view name, std::string_view direction) {
    return traffic.value(name, {{"service", service.name}, {"direction", direction}}).value_or(0);
  };
  row["packets_in"] = count("cardea_service_packets_total", "in");
  row["packets_out"] = count("cardea_service_packets_total", "out");
  row["bytes_in"] = count("cardea_service_bytes_total", "in");
  row["bytes_out"] = count("cardea_service_bytes_total", "out");
  row["new_flows"] = traffic.value("cardea_service_flows_total", {{"service", service.name}}).value_or(0);
  row["l7"] = nullptr;
}

void add_l7(Json& row, const conf::Service& service, const Traffic& traffic) {
  auto counted = l7_of_service(traffic, service.name);
  row["packets_in"] = row["packets_out"] = nullptr;
  row["bytes_in"] = counted["bytes_in"];
  row["bytes_out"] = counted["bytes_out"];
  row["new_flows"] = nullptr;
  counted.erase("bytes_in"), counted.erase("bytes_out");
  row["l7"] = std::move(counted);
}

const char* action_name(const conf::Route& route) {
  return route.redirect ? "redirect" : route.respond ? "respond" : route.files ? "files" : "proxy";
}

std::vector<std::string_view> pools_of(const conf::Route& route) {
  std::vector<std::string_view> pools;
  if (!route.pool.empty()) pools.push_back(route.pool);
  for (const conf::Share& share : route.split) pools.push_back(share.pool);
  return pools;
}

Json split_rows(const conf::Route& route) {
  Json rows = Json::array();
  for (const conf::Share& share : route.split) rows.push_back({{"pool", share.pool}, {"weight", share.weight}});
  return rows;
}

std::pair<const char*, std::string> path_of(const conf::Match& match) {
  if (!match.path_exact.empty()) return {"exact", match.path_exact};
  if (!match.path_regex.empty()) return {"regex", match.path_regex};
  return {"prefix", match.path};
}

Json route_row(const conf::Service& service, const std::string& name, const conf::Route& route, const Up& up,
               const Traffic& traffic) {
  const auto [rule, path] = path_of(route.match);
  Json row{{"service", service.name},
           {"name", name},
           {"hosts", route.match.hosts},
           {"path", path},
           {"path_rule", rule},
           {"conditional", route.match.asks_more()},
           {"action", action_name(route)},
           {"pool", text_or_null(route.pool)},
           {"split", split_rows(route)},
           {"cache", text_or_null(route.cache)}};
  up.add_to(row, pools_of(route));
  row["l7"] = l7_of_route(traffic, service.name, name);
  return row;
}

void add_routes(Json& rows, const conf::Service& service, const Up& up, const Traffic& traffic) {
  for (size_t i = 0; i < service.routes.size(); ++i)
    rows.push_back(route_row(service, service.route_name(i), service.routes[i], up, traffic));
  if (!service.acts()) return;
  conf::Route rest;  // what no route matches (mgmt/compile_routes.cc)
  rest.pool = service.pool, rest.redirect = service.redirect, rest.respond = service.respond, rest.files = service.files;
  rows.push_back(route_row(service, service.name, rest, up, traffic));
}

}  // namespace

std::string services_json(const View& view, const Traffic& traffic) {
  Json rows = Json::array();
  if (view.in_force) {
    const Up up(view.in_force);
    for (const auto& service : view.in_force.config->services) {
      auto& row = rows.emplace_back(words_of(service));
      up.add_to(row, conf::pools_of(service));
      service.mode == conf::Mode::kL4 ? add_l4(row, service, traffic) : add_l7(row, service, traffic);
    }
  }
  return dump({{"services", rows}, {"away", away_rows(view)}});
}

bool is_routed(const conf::Service& service) {
  return service.mode == conf::Mode::kHttp || (service.mode == conf::Mode::kTcp && !service.routes.empty());
}

std::string routes_json(const View& view, const Traffic& traffic, const std::string& only_service) {
  Json rows = Json::array();
  if (view.in_force) {
    const Up up(view.in_force);
    for (const auto& service : view.in_force.config->services)
      if (is_routed(service) && (only_service.empty() || service.name == only_service))
        add_routes(rows, service, up, traffic);
  }
  return dump({{"routes", rows}, {"away", away_rows(view)}});
}

}  // namespace cardea::mgmt::api
