// `cardea show services|pools|backends|flows`: one table each, with columns that stay where they are.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "mgmt/cli/amounts.h"
#include "mgmt/cli/api_client.h"
#include "mgmt/cli/ask.h"
#include "mgmt/cli/commands.h"
#include "mgmt/cli/state_tone.h"
#include "mgmt/cli/table.h"

namespace cardea::mgmt::cli {
namespace {

using nlohmann::json;
constexpr auto kRight = Column::Align::kRight;

struct Filter {
  std::string pool, state, service, backend, client;
  unsigned limit = 0;  // 0: all
};

std::string joined(const json& list) {
  std::string out;
  for (const json& item : list)
    if (item.is_string()) out += (out.empty() ? "" : " ") + item.get<std::string>();
  return out;
}

Cell of_total(const json& row) {
  const uint64_t up = count_at(row, "backends_up"), total = count_at(row, "backends_total");
  return {fmt::format("{}/{}", up, total), up == total ? Tone::kPlain : up == 0 ? Tone::kBad : Tone::kWarning};
}

// Keeps the rows that `keep` wants, `limit` of them; in place, so that --json shows the same.
template <typename Keep>
void narrow(json& answer, const char* list, unsigned limit, Keep keep) {
  if (!answer.is_object() || !answer.contains(list)) return;
  json rows = json::array();
  for (json& row : answer.at(list))
    if (keep(row) && (limit == 0 || rows.size() < limit)) rows.push_back(std::move(row));
  answer[list] = std::move(rows);
}

std::string services_text(const json& answer, bool colour) {
  Table table({{"SERVICE"},
               {"LISTEN"},
               {"FORWARD"},
               {"POOL"},
               {"UP", kRight},
               {"FLOWS TOTAL", kRight},
               {"IN", kRight},
               {"OUT", kRight}});
  for (const json& row : part_at(answer, "services")) {
    table.add({{text_at(row, "name"), Tone::kStrong},
               joined(part_at(row, "listen")),
               text_at(row, "forward"),
               text_at(row, "pool"),
               of_total(row),
               grouped(count_at(row, "new_flows")),
               bytes_text(count_at(row, "bytes_in")),
               bytes_text(count_at(row, "bytes_out"))});
  }
  return table.empty() ? "no services\n" : table.text(colour);
}

std::string health_text(const json& health) {
  const std::string type = text_at(health, "type");
  if (type.empty() || type == "none") return "none";
  return fmt::format("{} every {}, rise {}, fall {}", type,
                     duration_text(std::chrono::milliseconds(count_at(health, "interval_ms"))),
                     count_at(health, "rise"), count_at(health, "fall"));
}

std::string pools_text(const json& answer, bool colour) {
  Table table({{"POOL"}, {"BALANCE"}, {"RING", kRight}, {"UP", kRight}, {"SERVING"}, {"HEALTH"}, {"SERVICES"}});
  for (const json& row : part_at(answer, "pools")) {
    const bool serving = flag_at(row, "serving");
    table.add({{text_at(row, "name"), Tone::kStrong},
               text_at(row, "balance"),
               std::to_string(count_at(row, "ring_size")),
               of_total(row),
               {serving ? "yes" : "no", serving ? Tone::kGood : Tone::kBad},
               health_text(part_at(row, "health")),
               joined(part_at(row, "services"))});
  }
  return table.empty() ? "no pools\n" : table.text(colour);
}

std::string check_text(const json& row) {
  const json& health = part_at(row, "health");
  if (!flag_at(health, "checked")) return "no check yet";
  if (text_at(health, "last_result") == "failed") return text_at(health, "reason");
  return fmt::format("ok, {:.1f} ms", number_at(health, "duration_ms"));
}

std::string weight_text(const json& row) {
  if (!known_at(row, "weight_override")) return std::to_string(count_at(row, "weight_configured"));
  return fmt::format("{} (file: {})", count_at(row, "weight_override"), count_at(row, "weight_configured"));
}

std::string backends_text(const json& answer, bool colour) {
  Table table({{"POOL"},
               {"BACKEND"},
               {"STATE"},
               {"WEIGHT", kRight},
               {"SHARE", kRight},
               {"FLOWS", kRight},
               {"FLOWS TOTAL", kRight},
               {"IN", kRight},
               {"OUT", kRight},
               {"LAST CHECK"}});
  for (const json& row : part_at(answer, "backends")) {
    const std::string state = text_at(row, "state");
    table.add({text_at(row, "pool"),
               {text_at(row, "address"), Tone::kStrong},
               {state, tone_of_state(state)},
               weight_text(row),
               fmt::format("{:.1f} %", number_at(row, "share_percent")),
               known_at(row, "flows") ? grouped(count_at(row, "flows")) : "-",
               grouped(count_at(row, "new_flows")),
               bytes_text(count_at(row, "bytes_in")),
               bytes_text(count_at(row, "bytes_out")),
               check_text(row)});
  }
  return table.empty() ? "no backends\n" : table.text(colour);
}

std::string flows_text(const json& answer, bool colour) {
  Table table({{"SERVICE"},
               {"PROTO"},
               {"CLIENT"},
               {"DESTINATION"},
               {"BACKEND"},
               {"NAT SOURCE"},
               {"STATE"},
               {"IDLE", kRight},
               {"WORKER", kRight}});
  const json& flows = part_at(answer, "flows");
  for (const json& row : flows) {
    const std::string nat = text_at(row, "nat_source");
    table.add({text_at(row, "service"), text_at(row, "protocol"), text_at(row, "client"), text_at(row, "destination"),
               text_at(row, "pool") + "/" + text_at(row, "backend"), nat.empty() ? "-" : nat, text_at(row, "state"),
               duration_text(std::chrono::milliseconds(count_at(row, "idle_ms"))),
               std::to_string(count_at(row, "worker"))});
  }
  std::string out = table.empty() ? "no flows\n" : table.text(colour);
  if (flag_at(answer, "truncated"))
    out += fmt::format("{} of {} flows; --limit shows more\n", flows.size(), grouped(count_at(answer, "total")));
  return out;
}

Exit show_list(const Session& session, const std::string& path, const std::function<void(json&)>& filter,
               const std::function<std::string(const json&, bool)>& text) {
  Asked answer = ask(session, path);
  if (!answer) return complain(session, answer.error());
  filter(*answer);
  print(session.json ? json_text(*answer) : text(*answer, session.colour));
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

CLI::App& list(CLI::App& command, const char* name, const char* summary, const std::shared_ptr<Filter>& filter,
               Job& job, Exit (*show_it)(const Session&, const Filter&)) {
  CLI::App* const sub = command.add_subcommand(name, summary);
  sub->add_option("--limit", filter->limit, "so many rows at most")->check(CLI::PositiveNumber)->type_name("N");
  sub->callback([filter, show_it, &job] { job = [=](const Session& session) { return show_it(session, *filter); }; });
  return *sub;
}

}  // namespace

void declare_show(CLI::App& command, Job& job) {
  command.require_subcommand(1);
  const auto filter = std::make_shared<Filter>();
  CLI::App& services = list(command, "services", "what clients connect to", filter, job, show_services);
  services.add_option("--pool", filter->pool, "only those of this pool")->type_name("POOL");
  CLI::App& pools = list(command, "pools", "sets of servers", filter, job, show_pools);
  pools.add_option("--pool", filter->pool, "only this one")->type_name("POOL");
  CLI::App& backends =
      list(command, "backends", "the servers, their health, weight and traffic", filter, job, show_backends);
  backends.add_option("--pool", filter->pool, "only those of this pool")->type_name("POOL");
  backends.add_option("--state", filter->state, "only those in this state")
      ->check(CLI::IsMember({"up", "down", "drain", "maint"}))
      ->type_name("up|down|drain|maint");
  CLI::App& flows = list(command, "flows", "live flows (100 unless --limit says more)", filter, job, show_flows);
  flows.add_option("--service", filter->service, "only those of this service")->type_name("SERVICE");
  flows.add_option("--backend", filter->backend, "only those of this backend")->type_name("ADDRESS");
  flows.add_option("--client", filter->client, "only those of this client")->type_name("ADDRESS");
}

}  // namespace cardea::mgmt::cli
