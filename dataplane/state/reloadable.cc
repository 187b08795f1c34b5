// What only a restart can change (base/start_settings.h), compared between two plans.
#include <fmt/format.h>

#include <algorithm>

#include "base/start_settings.h"
#include "dataplane/state/live_plan.h"

namespace cardea::dataplane {
namespace {

bool same_ports(const LivePlan& running, const LivePlan& next) {
  return std::ranges::equal(running.ports, next.ports, [](const PlanPort& x, const PlanPort& y) {
    return x.name == y.name && x.device == y.device && x.mtu == y.mtu && x.shared == y.shared;
  });
}

bool same(StartSetting setting, const LivePlan& running, const LivePlan& next) {
  const PlanSettings &a = running.settings, &b = next.settings;
  switch (setting) {
    case StartSetting::kSeed:
      return running.hash_key == next.hash_key;
    case StartSetting::kWorkers:
      return a.workers == b.workers;
    case StartSetting::kFlows:
      return a.flows == b.flows;
    case StartSetting::kPoll:
      return a.poll == b.poll;
    case StartSetting::kNatPortFirst:
      return a.nat_port_first == b.nat_port_first;
    case StartSetting::kNatPortLast:
      return a.nat_port_last == b.nat_port_last;
    case StartSetting::kServicesMax:
      return a.services_max == b.services_max;
    case StartSetting::kBackendsMax:
      return a.backends_max == b.backends_max;
    case StartSetting::kNeighboursMax:
      return a.neighbours_max == b.neighbours_max;
    case StartSetting::kPorts:
      return same_ports(running, next);
    case StartSetting::kShards:
    case StartSetting::kAccessLogRing:
      return true;  // cardea-l7's
  }
  return true;
}

}  // namespace

Result<> check_reloadable(const LivePlan& running, const LivePlan& next) {
  for (const StartRow& row : kStartSettings)
    if (row.process == StartsWith::kDataplane && !same(row.setting, running, next))
      return fail(fmt::format("restart cardea-dataplane to change {}", row.path), Origin::kOperator);
  return {};
}

}  // namespace cardea::dataplane
