// A stats segment as Prometheus' metric families. Names and values come out in base units (rows in nanoseconds become
// seconds), histograms with cumulative buckets, rows named cardea_core_… once a core with the label `core`. Pure.
#pragma once

#include <prometheus/metric_family.h>

#include <cstdint>
#include <span>
#include <vector>

#include "base/stats.h"

namespace cardea::mgmt::metrics {

// `cpus`: the CPU number behind each of the segment's first cores; those beyond are the control thread's and have no
// row of their own.
std::vector<prometheus::MetricFamily> segment_families(const stats::Snapshot& snapshot, std::span<const uint16_t> cpus);

}  // namespace cardea::mgmt::metrics
