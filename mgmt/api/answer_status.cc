#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "conf/findings_text.h"
#include "dataplane/plan_schema.h"
#include "l7/plan_schema.h"
#include "mgmt/api/answers.h"
#include "mgmt/api/away.h"
#include "mgmt/api/json.h"
#include "mgmt/api/warnings.h"

namespace cardea::mgmt::api {
namespace {

using std::chrono::system_clock;

constexpr size_t kUnhealthyMax = 100;       // rows of the status; /v1/backends has them all
constexpr size_t kCertificatesDueMax = 20;  // the same; /v1/certs has them all

Json reload_row(const Reload& reload) {
  const auto findings = Json::parse(conf::findings_json(reload.findings), nullptr, false);
  return {{"success", reload.success()},
          {"at", time_text(reload.at)},
          {"duration_ms", reload.duration.count() / 1000.0},
          {"generation", reload.generation},
          {"error", text_or_null(reload.error)},
          {"hint", text_or_null(reload.hint)},
          {"changes", reload.changes},
          {"findings", findings.is_object() ? findings.value("findings", Json::array()) : Json::array()}};
}

// What a process says of itself; an empty object while it does not answer.
Json own_words(const std::optional<std::string>& answer) {
  auto words = answer ? Json::parse(*answer, nullptr, false) : Json::object();
  return words.is_object() ? words : Json::object();
}

Json field(const Json& object, const char* name, Json otherwise) {
  return object.contains(name) ? object.at(name) : std::move(otherwise);
}

Json started(const Json& words) {
  const Json at = field(words, "started_at", nullptr);
  return at.is_number_unsigned() ? Json(time_text(system_clock::time_point(std::chrono::seconds(at.get<uint64_t>()))))
                                 : Json(nullptr);
}

Json start_failure_row(const ProcessView& process) {
  if (!process.start_failure) return nullptr;
  return {{"generation", process.start_failure->generation}, {"error", process.start_failure->reason}};
}

Json process_row(const ProcessView& process, const Facts& facts, const Json& words) {
  const auto link = facts.links.find(process.consumer->name);
  const bool connected = link != facts.links.end() && link->second.connected;
  return {{"name", process.consumer->name},
          {"configured", process.concerned},
          {"connected", connected},
          {"pid", connected ? Json(link->second.pid) : Json(nullptr)},
          {"started_at", started(words)},
          {"generation", field(words, "generation", nullptr)},
          {"in_sync", process.in_step},
          {"start_failure", start_failure_row(process)},
          {"problem", connected || !process.concerned ? text_or_null(process.problem) : Json(away_text(process))}};
}

Json cores(const Facts& facts) {
  Json rows = Json::array();
  for (const auto& core : facts.cores)
    rows.push_back({{"cpu", core.cpu}, {"busy_percent", core.percent ? Json(*core.percent) : Json(nullptr)}});
  return rows;
}

struct Count {
  size_t total = 0;
  std::array<size_t, 4> in_state{};
  Json unhealthy = Json::array();
};

Json unhealthy_row(const View& view, const BackendRef& ref, State state) {
  Json row{
      {"pool", ref.pool}, {"backend", ref.backend}, {"state", name(state)}, {"reason", nullptr}, {"since", nullptr}};
  const auto health = view.runtime.health.find(ref);
  if (state == State::kDown && health != view.runtime.health.end()) {
    row["reason"] = health->second.reason;
    row["since"] = time_text(health->second.since);
  } else if (state != State::kDown) {
    row["reason"] = "set by an operator";
  }
  return row;
}

Count count(const View& view) {
  Count counted;
  if (!view.in_force) return counted;
  const auto& pools = view.in_force.config->pools;
  for (size_t p = 0; p < pools.size(); ++p)
    for (size_t b = 0; b < pools[p].backends.size(); ++b) {
      const State state = view.in_force.states[p].backends[b].state;
      ++counted.total;
      ++counted.in_state[size_t(state)];
      if (state != State::kUp && counted.unhealthy.size() < kUnhealthyMax)
        counted.unhealthy.push_back(unhealthy_row(view, {pools[p].name, pools[p].backends[b].address.text()}, state));
    }
  return counted;
}

Json backends_row(const Count& counted) {
  Json row{{"total", counted.total}};
  for (size_t i = 0; i < counted.in_state.size(); ++i) row[std::string(name(State(i)))] = counted.in_state[i];
  return row;
}

Json processes(const View& view, const Facts& facts, const Json& dataplane, const Json& l7) {
  Json rows = Json::array();
  for (const auto& [consumer, words] : {std::pair(&kDataplane, &dataplane), {&kL7, &l7}})
    for (const auto& process : view.processes)
      if (process.consumer == consumer) rows.push_back(process_row(process, facts, *words));
  return rows;
}

Json certificates(const Facts& facts) {
  auto due = facts.l7_certs ? certificates_due(*facts.l7_certs, system_clock::now()) : Json::array();
  if (due.size() > kCertificatesDueMax) due.erase(due.begin() + kCertificatesDueMax, due.end());
  return due;
}

// What operators set instead of the file's: it outlives reloads, so it has to stay in sight.
Json overridden_weights(const View& view) {
  constexpr size_t kMax = 50;
  Json rows = Json::array();
  if (!view.in_force) return rows;
  for (const auto& pool : view.in_force.config->pools)
    for (const auto& backend : pool.backends) {
      const BackendRef ref{pool.name, backend.address.text()};
      const auto weight = view.runtime.override_of(ref).weight;
      if (!weight || rows.size() == kMax) continue;
      rows.push_back({{"pool", ref.pool}, {"backend", ref.backend}, {"weight", *weight}, {"file", backend.weight}});
    }
  return rows;
}

Json waiting(const View& view) {
  if (view.waiting == 0) return nullptr;
  return {{"generation", view.waiting}, {"restart", view.waits_for}};
}

std::vector<std::string> dear_ports(const Json& dataplane) {
  std::vector<std::string> sentences;
  for (const Json& port : field(dataplane, "ports", Json::array()))
    if (port.is_object() && port.value("xdp", "") == "generic")
      sentences.push_back(
          fmt::format("port {}: the driver of its interface knows no XDP, and a packet costs several times what it"
                      " needs (XDP generic)",
                      port.value("name", "")));
  return sentences;
}

std::vector<std::string> warnings(const View& view, const Facts& facts, const Json& dataplane) {
  auto all = view.warnings;
  std::ranges::move(dear_ports(dataplane), std::back_inserter(all));
  std::ranges::move(services_out(view), std::back_inserter(all));
  std::ranges::move(pools_in_panic(view), std::back_inserter(all));
  std::ranges::move(unused_pools(view), std::back_inserter(all));
  std::ranges::move(unchecked_backends(facts.health), std::back_inserter(all));
  return all;
}

// Thousands of services may each refuse clients: the screen has room for a few.
Json losses(const Facts& facts) {
  constexpr size_t kMax = 50;
  Json rows = Json::array();
  for (size_t i = 0; i < std::min(facts.losses.size(), kMax); ++i) {
    const metrics::Loss& loss = facts.losses[i];
    rows.push_back({{"what", loss.what}, {"detail", text_or_null(loss.detail)}, {"count", loss.count}});
  }
  return rows;
}

}  // namespace

std::string status_json(const View& view, const Facts& facts) {
  const Json dataplane = own_words(facts.dataplane_status), l7 = own_words(facts.l7_status);
  const auto* config = view.in_force.config.get();
  const auto counted = count(view);
  const auto uptime = std::chrono::duration_cast<std::chrono::seconds>(system_clock::now() - facts.started_at);
  return dump({{"version", CARDEA_VERSION},
               {"pid", ::getpid()},
               {"started_at", time_text(facts.started_at)},
               {"uptime_s", uptime.count()},
               {"config_file", facts.config_file},
               {"cluster", config != nullptr ? Json(config->cluster.name) : Json(nullptr)},
               {"generation", view.in_force.generation},
               {"waiting", waiting(view)},
               {"last_reload", view.last_reload ? reload_row(*view.last_reload) : Json(nullptr)},
               {"processes", processes(view, facts, dataplane, l7)},
               {"cores", cores(facts)},
               {"ports", field(dataplane, "ports", Json::array())},
               {"flows", field(dataplane, "flows", nullptr)},
               {"flows_max", field(dataplane, "flows_max", nullptr)},
               {"shards", field(l7, "shards", Json::array())},
               {"connections", field(l7, "connections", nullptr)},
               {"l7_instances", field(dataplane, "l7", Json::array())},
               {"l7_door", field(l7, "door", nullptr)},
               {"waf", field(l7, "waf", nullptr)},
               {"certificates_due", certificates(facts)},
               {"services", config != nullptr ? config->services.size() : 0},
               {"pools", config != nullptr ? config->pools.size() : 0},
               {"backends", backends_row(counted)},
               {"unhealthy", counted.unhealthy},
               {"losses", losses(facts)},
               {"weights", overridden_weights(view)},
               {"warnings", warnings(view, facts, dataplane)}});
}

std::string reload_json(const Reload& reload) {
  return dump(reload_row(reload));
}

std::string version_json() {
  return dump({{"version", CARDEA_VERSION},
               {"plan_schema", fmt::format("{:08x}", dataplane::kPlanSchema)},
               {"l7_plan_schema", fmt::format("{:08x}", l7::kPlanSchema)}});
}

std::string error_json(const std::string& error, const std::string& hint) {
  Json answer{{"error", error}};
  if (!hint.empty()) answer["hint"] = hint;
  return dump(answer);
}

}  // namespace cardea::mgmt::api
