// What a process can only take up at its start: the one list that the schema (and with it the manual and the list of
// changes), the processes' refusals and their tests go by.
#pragma once

#include <cstdint>
#include <string_view>

namespace cardea {

enum class StartSetting : uint8_t {
  kSeed,
  kWorkers,
  kFlows,
  kPoll,
  kNatPortFirst,
  kNatPortLast,
  kServicesMax,
  kBackendsMax,
  kNeighboursMax,
  kPorts,
  kShards,
  kAccessLogRing,
};

enum class StartsWith : uint8_t { kNothing, kDataplane, kL7 };

struct StartRow {
  StartsWith process;
  StartSetting setting;
  std::string_view path;  // in the configuration language, without indices
};

inline constexpr StartRow kStartSettings[] = {
    {StartsWith::kDataplane, StartSetting::kSeed, "cluster.seed"},
    {StartsWith::kDataplane, StartSetting::kWorkers, "dataplane.workers"},
    {StartsWith::kDataplane, StartSetting::kFlows, "dataplane.flows"},
    {StartsWith::kDataplane, StartSetting::kPoll, "dataplane.poll"},
    {StartsWith::kDataplane, StartSetting::kNatPortFirst, "dataplane.nat.port_first"},
    {StartsWith::kDataplane, StartSetting::kNatPortLast, "dataplane.nat.port_last"},
    {StartsWith::kDataplane, StartSetting::kServicesMax, "dataplane.services_max"},
    {StartsWith::kDataplane, StartSetting::kBackendsMax, "dataplane.backends_max"},
    {StartsWith::kDataplane, StartSetting::kNeighboursMax, "dataplane.neighbours_max"},
    {StartsWith::kDataplane, StartSetting::kPorts, "dataplane.ports"},
    {StartsWith::kDataplane, StartSetting::kPorts, "dataplane.ports.name"},
    {StartsWith::kDataplane, StartSetting::kPorts, "dataplane.ports.device"},
    {StartsWith::kDataplane, StartSetting::kPorts, "dataplane.ports.kernel"},
    {StartsWith::kDataplane, StartSetting::kPorts, "dataplane.ports.mtu"},
    {StartsWith::kL7, StartSetting::kShards, "l7.shards"},
    {StartsWith::kL7, StartSetting::kAccessLogRing, "l7.access_log_ring"},
};

constexpr StartsWith who_starts_with(std::string_view path) {
  for (const StartRow& row : kStartSettings)
    if (row.path == path) return row.process;
  return StartsWith::kNothing;
}

}  // namespace cardea
