#include "mgmt/metrics/own_families.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>

#include "tests/unit/mgmt/sample_view.h"

namespace cardea::mgmt::metrics {
namespace {

using test::view_of;
using Families = std::vector<prometheus::MetricFamily>;
using Labels = std::map<std::string, std::string>;

// Nothing: there is no such row.
std::optional<double> value(const Families& families, const std::string& name, const Labels& labels = {}) {
  const auto family = std::ranges::find(families, name, &prometheus::MetricFamily::name);
  if (family == families.end()) return std::nullopt;
  for (const auto& metric : family->metric) {
    Labels found;
    for (const auto& label : metric.label) found[label.name] = label.value;
    if (found == labels)
      return family->type == prometheus::MetricType::Counter ? metric.counter.value : metric.gauge.value;
  }
  return std::nullopt;
}

Families families_of(const View& view, const std::vector<health::TargetStatus>& health = {}, const Links& links = {}) {
  return own_families(view, health, {.targets = 5, .probes_running = 2, .probes_postponed = 3, .own_failures = 4},
                      links);
}

TEST(OwnFamilies, OfABackendSayItsHealthItsStateAndWhatItGets) {
  Runtime runtime;
  runtime.health[{"web", "10.0.0.11:8080"}] = {false, "refused", {}};
  runtime.overrides[{"web", "10.0.0.12:8080"}] = {Order::kDrain, 9};
  const auto families = families_of(view_of(test::config(), runtime));
  const Labels down{{"pool", "web"}, {"backend", "10.0.0.11:8080"}},
      drain{{"pool", "web"}, {"backend", "10.0.0.12:8080"}}, up{{"pool", "web"}, {"backend", "[2001:db8::5]:8080"}};
  const auto state = [&](Labels labels, const char* name) {
    labels["state"] = name;
    return value(families, "cardea_backend_state", labels);
  };
  EXPECT_EQ(value(families, "cardea_backend_up", down), 0);
  EXPECT_EQ(value(families, "cardea_backend_up", drain), 1);
  EXPECT_EQ(state(down, "down"), 1);
  EXPECT_EQ(state(down, "up"), 0);
  EXPECT_EQ(state(drain, "drain"), 1);
  EXPECT_EQ(value(families, "cardea_backend_weight", down), 0) << "it gets no new flows";
  EXPECT_EQ(value(families, "cardea_backend_weight", drain), 0);
  EXPECT_EQ(value(families, "cardea_backend_weight", up), 1);
  EXPECT_EQ(value(families, "cardea_backend_share_ratio", up), 1);
}

TEST(OwnFamilies, ABackendThatNobodyChecksIsUpWhateverAnEarlierCheckSaid) {
  Runtime runtime;
  runtime.health[{"dns", "10.0.0.53:53"}] = {false, "refused", {}};
  auto config = test::config();
  config.pools[1].health.type = conf::HealthType::kNone;
  const auto families = families_of(view_of(config, runtime));
  EXPECT_EQ(value(families, "cardea_backend_up", {{"pool", "dns"}, {"backend", "10.0.0.53:53"}}), 1);
}

TEST(OwnFamilies, AProcessIsShownWhereItIsMissedOrRuns) {
  View view = view_of(test::config());
  view.processes = {{.consumer = &kDataplane, .concerned = true, .in_step = true},
                    {.consumer = &kL7, .concerned = false, .in_step = false}};
  const auto up = [&](bool dataplane, bool l7, const char* process, const char* name = "cardea_process_up") {
    const Links links{{"dataplane", {.connected = dataplane}}, {"l7", {.connected = l7}}};
    return value(families_of(view, {}, links), name, {{"process", process}});
  };
  EXPECT_EQ(up(false, false, "mgmt"), 1);
  EXPECT_EQ(up(false, false, "dataplane"), 0);
  EXPECT_EQ(up(true, false, "dataplane"), 1);
  EXPECT_EQ(up(true, false, "dataplane", "cardea_process_in_sync"), 1);
  EXPECT_EQ(up(true, false, "l7"), std::nullopt) << "the configuration has no services for it";
  EXPECT_EQ(up(true, true, "l7"), 1);
  EXPECT_EQ(up(true, true, "l7", "cardea_process_in_sync"), 0);
}

TEST(OwnFamilies, ChecksAreCountedByTheirResultOnceThereWasOne) {
  health::TargetStatus checked{.pool = "web", .backend = "10.0.0.11:8080", .up = true, .checked = true};
  checked.checks_passed = 30, checked.checks_failed = 4, checked.last_duration = std::chrono::milliseconds(250);
  health::TargetStatus fresh{.pool = "web", .backend = "10.0.0.12:8080", .up = true};
  fresh.own_failure = "Network is unreachable";
  const auto families = families_of(view_of(test::config()), {checked, fresh});
  Labels labels{{"pool", "web"}, {"backend", "10.0.0.11:8080"}};
  EXPECT_EQ(value(families, "cardea_backend_check_duration_seconds", labels), 0.25);
  EXPECT_EQ(value(families, "cardea_backend_unchecked", labels), 0);
  EXPECT_EQ(value(families, "cardea_backend_unchecked", {{"pool", "web"}, {"backend", "10.0.0.12:8080"}}), 1);
  labels["result"] = "passed";
  EXPECT_EQ(value(families, "cardea_backend_checks_total", labels), 30);
  labels["result"] = "failed";
  EXPECT_EQ(value(families, "cardea_backend_checks_total", labels), 4);
  labels["backend"] = "10.0.0.12:8080";
  EXPECT_EQ(value(families, "cardea_backend_checks_total", labels), std::nullopt);
  EXPECT_EQ(value(families, "cardea_health_targets"), 5);
  EXPECT_EQ(value(families, "cardea_health_probes_running"), 2);
  EXPECT_EQ(value(families, "cardea_health_probes_postponed_total"), 3);
  EXPECT_EQ(value(families, "cardea_health_own_failures_total"), 4);
}

TEST(OwnFamilies, TheConfigurationHasItsGenerationAndHowTheLastReloadWent) {
  View view = view_of(test::config());
  view.rings_built = 11;
  const char* const success = "cardea_config_last_reload_success";
  EXPECT_EQ(value(families_of(view), success), std::nullopt) << "there was none";
  for (const auto ending :
       {Reload::Ending::kAdopted, Reload::Ending::kAway, Reload::Ending::kMistakes, Reload::Ending::kRefused}) {
    view.last_reload.emplace();
    view.last_reload->ending = ending;
    EXPECT_EQ(value(families_of(view), success), ending <= Reload::Ending::kAway);
  }
  EXPECT_EQ(value(families_of(view), "cardea_config_generation"), 7);
  EXPECT_EQ(value(families_of(view), "cardea_config_rings_built_total"), 11);
}

}  // namespace
}  // namespace cardea::mgmt::metrics
