// The processes' stats segments as Prometheus' metric families. Names and values come out in base units (rows in
// nanoseconds or microseconds become seconds), histograms with cumulative buckets, rows of cores and shards once each
// with the label `core`, rows that every segment has with the label `process`. Pure.
#pragma once

#include <prometheus/metric_family.h>

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/stats.h"

namespace cardea::mgmt::metrics {

struct Source {
  std::string process;  // "dataplane"
  stats::Snapshot snapshot;
  std::vector<uint16_t> cpus =
      {};  // behind the segment's first cores; those beyond are the control thread's, without rows
  std::set<std::string> flowless = {};  // services whose packets it counts and whose flows are another's
};

std::vector<prometheus::MetricFamily> segment_families(std::span<const Source> sources);

}  // namespace cardea::mgmt::metrics
