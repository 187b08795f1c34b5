// `cardea show services|routes|pools|backends|flows|exchanges|connections|certs|cache|audit`: asks for a list, narrows it, shows it.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "mgmt/api/limits.h"
#include "mgmt/cli/api_client.h"
#include "mgmt/cli/ask.h"
#include "mgmt/cli/commands.h"
#include "mgmt/cli/tables.h"

namespace cardea::mgmt::cli {
namespace {

using nlohmann::json;

struct Filter {
  std::string pool, state, service, backend, client;
  unsigned limit = 0;  // 0: all
};

// Keeps the rows that `keep` wants, `limit` of them; in place, so that --json shows the same.
template <typename Keep>
void narrow(json& answer, const char* list, unsigned limit, Keep keep) {
  if (!answer.is_object() || !answer.contains(list)) return;
  json rows = json::array();
  for (json& row : answer.at(list))
    if (keep(row) && (limit == 0 || rows.size() < limit)) rows.push_back(std::move(row));
  answer[list] = std::move(rows);
}

Exit show_list(const Session& session, const std::string& path, const std::function<void(json&)>& filter,
               const std::function<std::string(const json&, bool)>& text) {
  Asked answer = ask(session, path);
  if (!answer) return complain(session, answer.error());
  filter(*answer);
  const std::string away = away_text(*answer, session.colour);
  print(session.json ? json_text(*answer) : text(*answer, session.colour) + (away.empty() ? "" : "\n" + away));
  return Exit::kOk;
}

Exit show_services(const Session& session, const Filter& by) {
  return show_list(
      session, "/v1/services",
      [&](json& answer) {
        narrow(answer, "services", by.limit,
               [&](const json& row) { return by.pool.empty() || text_at(row, "pool") == by.pool; });
      },
      services_text);
}

bool leads_to(const json& route, const std::string& pool) {
  const auto is_share = [&](const json& share) { return text_at(share, "pool") == pool; };
  return text_at(route, "pool") == pool || std::ranges::any_of(part_at(route, "split"), is_share);
}

Exit show_routes(const Session& session, const Filter& by) {
  const std::string path = by.service.empty() ? "/v1/routes" : "/v1/routes?service=" + escaped(by.service);
  return show_list(
      session, path,
      [&](json& answer) {
        narrow(answer, "routes", by.limit, [&](const json& row) { return by.pool.empty() || leads_to(row, by.pool); });
      },
      routes_text);
}

Exit show_certs(const Session& session, const Filter& by) {
  return show_list(
      session, "/v1/certs",
      [&](json& answer) {
        narrow(answer, "certificates", by.limit,
               [&](const json& row) { return by.service.empty() || text_at(row, "service") == by.service; });
      },
      certs_text);
}

Exit show_cache(const Session& session, const Filter& by) {
  return show_list(
      session, "/v1/cache", [&](json& answer) { narrow(answer, "caches", by.limit, [](const json&) { return true; }); },
      cache_text);
}

Exit show_limits(const Session& session, const Filter& by) {
  return show_list(
      session, "/v1/limits", [&](json& answer) { narrow(answer, "limits", by.limit, [](const json&) { return true; }); },
      limits_text);
}

Exit show_pools(const Session& session, const Filter& by) {
  return show_list(
      session, "/v1/pools",
      [&](json& answer) {
        narrow(answer, "pools", by.limit,
               [&](const json& row) { return by.pool.empty() || text_at(row, "name") == by.pool; });
      },
      pools_text);
}

Exit show_backends(const Session& session, const Filter& by) {
  const std::string path = by.pool.empty() ? "/v1/backends" : "/v1/backends?pool=" + escaped(by.pool);
  return show_list(
      session, path,
      [&](json& answer) {
        narrow(answer, "backends", by.limit,
               [&](const json& row) { return by.state.empty() || text_at(row, "state") == by.state; });
      },
      backends_text);
}

Exit show_flows(const Session& session, const Filter& by) {
  std::string path = fmt::format("/v1/flows?limit={}", by.limit == 0 ? 100 : by.limit);
  for (const auto& [name, value] :
       {std::pair("service", &by.service), {"backend", &by.backend}, {"client", &by.client}})
    if (!value->empty()) path += fmt::format("&{}={}", name, escaped(*value));
  return show_list(session, path, [](json&) {}, flows_text);
}

Exit show_exchanges(const Session& session, const Filter& by) {
  std::string path = fmt::format("/v1/exchanges?limit={}", by.limit == 0 ? 100 : by.limit);
  if (!by.state.empty()) path += "&kind=" + by.state;
  return show_list(
      session, path,
      [&](json& answer) {
        narrow(answer, "exchanges", 0,
               [&](const json& row) { return by.service.empty() || text_at(row, "service") == by.service; });
      },
      exchanges_text);
}

Exit show_audit(const Session& session, const Filter& by) {
  const std::string path = fmt::format("/v1/audit?limit={}", by.limit == 0 ? 100 : by.limit);
  return show_list(session, path, [](json&) {}, audit_text);
}

Exit show_connections(const Session& session, const Filter& by) {
  std::string path = fmt::format("/v1/connections?limit={}", by.limit == 0 ? 100 : by.limit);
  if (!by.client.empty()) path += "&peer=" + escaped(by.client);
  return show_list(session, path, [](json&) {}, connections_text);
}

CLI::App& list(CLI::App& command, const char* name, const char* summary, const std::shared_ptr<Filter>& filter,
               Job& job, Exit (*show_it)(const Session&, const Filter&), unsigned limit_max = 1'000'000) {
  CLI::App* const sub = command.add_subcommand(name, summary);
  sub->add_option("--limit", filter->limit, "so many rows at most")->check(CLI::Range(1u, limit_max))->type_name("N");
  sub->callback([filter, show_it, &job] { job = [=](const Session& session) { return show_it(session, *filter); }; });
  return *sub;
}

}  // namespace

void declare_show(CLI::App& command, Job& job) {
  command.require_subcommand(1);
  const auto filter = std::make_shared<Filter>();
  CLI::App& services = list(command, "services", "what clients connect to", filter, job, show_services);
  services.add_option("--pool", filter->pool, "only those of this pool")->type_name("POOL");
  CLI::App& routes = list(command, "routes", "what http services match, and what came of it", filter, job, show_routes);
  routes.add_option("--service", filter->service, "only those of this service")->type_name("SERVICE");
  routes.add_option("--pool", filter->pool, "only those to this pool")->type_name("POOL");
  CLI::App& pools =
      list(command, "pools", "sets of servers, and what requests told about them", filter, job, show_pools);
  pools.add_option("--pool", filter->pool, "only this one")->type_name("POOL");
  CLI::App& backends =
      list(command, "backends", "the servers, their health, weight and traffic", filter, job, show_backends);
  backends.add_option("--pool", filter->pool, "only those of this pool")->type_name("POOL");
  backends.add_option("--state", filter->state, "only those in this state")
      ->check(CLI::IsMember({"up", "down", "drain", "maint"}))
      ->type_name("up|down|drain|maint");
  CLI::App& flows =
      list(command, "flows", "live flows (100 unless --limit says more)", filter, job, show_flows, api::kFlowsMax);
  flows.add_option("--service", filter->service, "only those of this service")->type_name("SERVICE");
  flows.add_option("--backend", filter->backend, "only those of this backend")->type_name("ADDRESS");
  flows.add_option("--client", filter->client, "only those of this client")->type_name("ADDRESS");
  CLI::App& exchanges = list(command, "exchanges", "the last that failed or were refused, and the slowest", filter, job,
                             show_exchanges, api::kExchangesMax);
  exchanges.add_option("--service", filter->service, "only those of this service")->type_name("SERVICE");
  exchanges.add_option("--kind", filter->state, "only these")
      ->check(CLI::IsMember({"failed", "refused", "slow"}))
      ->type_name("failed|refused|slow");
  CLI::App& connections = list(command, "connections", "what our own TCP has open (100 unless --limit says more)", filter,
                               job, show_connections, api::kConnectionsMax);
  connections.add_option("--peer", filter->client, "only those with this address")->type_name("ADDRESS");
  CLI::App& certs = list(command, "certs", "certificates, the next to expire first", filter, job, show_certs);
  certs.add_option("--service", filter->service, "only those of this service")->type_name("SERVICE");
  list(command, "audit", "what was changed, and by whom, the last first (100 unless --limit says more)", filter, job, show_audit,
       api::kChangesMax);
  list(command, "limits", "rate limits, how many keys they know, and who is refused most", filter, job, show_limits);
  list(command, "cache", "memory caches and how often they had the answer", filter, job, show_cache);
}

}  // namespace cardea::mgmt::cli
