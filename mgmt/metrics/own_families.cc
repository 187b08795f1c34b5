#include "mgmt/metrics/own_families.h"

#include <initializer_list>
#include <map>
#include <string>
#include <utility>

namespace cardea::mgmt::metrics {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using LabelList = std::initializer_list<std::pair<const char*, std::string>>;

class Family {
 public:
  Family(const char* name, const char* help, MetricType type) : family_{name, help, type, {}} {}

  void add(LabelList labels, double value) {
    auto& metric = family_.metric.emplace_back();
    for (const auto& [name, text] : labels) metric.label.push_back({name, text});
    (family_.type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  }
  void into(std::vector<MetricFamily>& families) {
    if (!family_.metric.empty()) families.push_back(std::move(family_));
  }

 private:
  MetricFamily family_;
};

Family gauge(const char* name, const char* help) {
  return {name, help, MetricType::Gauge};
}
Family counter(const char* name, const char* help) {
  return {name, help, MetricType::Counter};
}

void add_one(std::vector<MetricFamily>& families, Family family, double value) {
  family.add({}, value);
  family.into(families);
}

double seconds_of(std::chrono::system_clock::time_point at) {
  return std::chrono::duration<double>(at.time_since_epoch()).count();
}

// A process that the configuration does not mention is not missed; while it runs all the same, it is shown.
bool is_missed(const ProcessView& process, const Links& links) {
  return process.concerned || links.at(process.consumer->name).connected;
}

void add_processes(std::vector<MetricFamily>& families, const View& view, const Links& links) {
  auto build = gauge("cardea_build_info", "Always 1; the label says which version runs");
  build.add({{"version", CARDEA_VERSION}}, 1);
  build.into(families);
  auto up = gauge("cardea_process_up", "1 while the process is connected to cardea-mgmt");
  auto in_sync = gauge("cardea_process_in_sync", "1 while the process runs the newest plan and pool states");
  up.add({{"process", "mgmt"}}, 1);
  for (const auto& process : view.processes) {
    if (!is_missed(process, links)) continue;
    up.add({{"process", process.consumer->name}}, links.at(process.consumer->name).connected);
    in_sync.add({{"process", process.consumer->name}}, process.in_step);
  }
  up.into(families);
  in_sync.into(families);
}

void add_configuration(std::vector<MetricFamily>& families, const View& view) {
  add_one(families, gauge("cardea_config_generation", "Generation of the configuration in force; 0: none yet"),
          double(view.in_force.generation));
  if (view.last_reload) {
    add_one(families, gauge("cardea_config_last_reload_success", "1 when the last reload was taken, 0 when it failed"),
            view.last_reload->success());
    add_one(families, gauge("cardea_config_last_reload_timestamp_seconds", "When the last reload began"),
            seconds_of(view.last_reload->at));
    add_one(families, gauge("cardea_config_last_reload_duration_seconds", "How long the last reload took"),
            double(view.last_reload->duration.count()) * 1e-6);
  }
  add_one(families, counter("cardea_config_rings_built_total", "Maglev rings that were computed, not found ready"),
          double(view.rings_built));
  add_one(families, gauge("cardea_blocks", "Addresses, and /64 networks, that rate limits have blocked (rate_limits[].block_for)"),
          double(view.runtime.blocks.size()));
  add_one(families, counter("cardea_blocks_refused_total", "Addresses not blocked for want of room (dataplane.blocks.sources_max)"),
          double(view.blocks_refused));
  add_one(families, counter("cardea_blocks_untold_total", "Lists of blocked addresses that the dataplane did not take; it is told again each second"),
          double(view.blocks_untold));
}

void add_checks(std::vector<MetricFamily>& families, const std::vector<health::TargetStatus>& health,
                const health::Counters& checks) {
  auto duration = gauge("cardea_backend_check_duration_seconds", "How long the last health check took");
  auto results = counter("cardea_backend_checks_total", "Health checks by their result");
  auto unchecked = gauge("cardea_backend_unchecked",
                         "1 while this host cannot make the backend's health checks, so that it stays what it was");
  for (const auto& one : health) {
    unchecked.add({{"pool", one.pool}, {"backend", one.backend}}, !one.own_failure.empty());
    if (!one.checked) continue;
    duration.add({{"pool", one.pool}, {"backend", one.backend}}, double(one.last_duration.count()) * 1e-6);
    results.add({{"pool", one.pool}, {"backend", one.backend}, {"result", "passed"}}, double(one.checks_passed));
    results.add({{"pool", one.pool}, {"backend", one.backend}, {"result", "failed"}}, double(one.checks_failed));
  }
  duration.into(families);
  results.into(families);
  unchecked.into(families);
  add_one(families, gauge("cardea_health_targets", "Backends that are checked"), double(checks.targets));
  add_one(families, gauge("cardea_health_probes_running", "Health checks under way"), double(checks.probes_running));
  add_one(families, counter("cardea_health_probes_postponed_total", "Health checks that waited for a free socket"),
          double(checks.probes_postponed));
  add_one(
      families,
      counter("cardea_health_own_failures_total", "Health checks that this host could not make; held against nobody"),
      double(checks.own_failures));
  add_one(families,
          counter("cardea_health_without_way_total",
                  "Health checks that could not leave while the dataplane was away or had just come"),
          double(checks.without_way));
}

struct BackendFamilies {
  Family up = gauge("cardea_backend_up", "1 while the health checks say the backend serves");
  Family state = gauge("cardea_backend_state", "1 for the state the backend is in, 0 for the others");
  Family weight = gauge("cardea_backend_weight", "The weight that counts now; 0 while it gets no new flows");
  Family share = gauge("cardea_backend_share_ratio", "The backend's part of its pool's new work, 0 to 1");

  void add(const View& view, size_t pool, size_t backend) {
    const auto& config = view.in_force.config->pools[pool];
    const auto& now = view.in_force.states[pool];
    const auto& standing = now.backends[backend];
    const BackendRef ref{config.name, config.backends[backend].address.text()};
    const bool checked = config.health.type != conf::HealthType::kNone;
    up.add({{"pool", ref.pool}, {"backend", ref.backend}}, !checked || view.runtime.healthy(ref));
    for (const State one : {State::kUp, State::kDown, State::kDrain, State::kMaint})
      state.add({{"pool", ref.pool}, {"backend", ref.backend}, {"state", std::string(name(one))}},
                standing.state == one);
    weight.add({{"pool", ref.pool}, {"backend", ref.backend}}, standing.ring_weight());
    share.add({{"pool", ref.pool}, {"backend", ref.backend}}, now.share_of(backend));
  }
};

void add_backends(std::vector<MetricFamily>& families, const View& view) {
  if (!view.in_force) return;
  auto panic =
      gauge("cardea_pool_panic", "1 while so little of the pool is up that what is down is used too (panic_below)");
  for (size_t pool = 0; pool < view.in_force.states.size(); ++pool)
    panic.add({{"pool", view.in_force.config->pools[pool].name}}, view.in_force.states[pool].panic);
  panic.into(families);
  BackendFamilies backends;
  for (size_t pool = 0; pool < view.in_force.states.size(); ++pool)
    for (size_t backend = 0; backend < view.in_force.states[pool].backends.size(); ++backend)
      backends.add(view, pool, backend);
  for (auto* family : {&backends.up, &backends.state, &backends.weight, &backends.share}) family->into(families);
}

}  // namespace

std::vector<MetricFamily> own_families(const View& view, const std::vector<health::TargetStatus>& health,
                                       const health::Counters& checks, const Links& links) {
  std::vector<MetricFamily> families;
  add_processes(families, view, links);
  add_configuration(families, view);
  add_backends(families, view);
  add_checks(families, health, checks);
  return families;
}

}  // namespace cardea::mgmt::metrics
