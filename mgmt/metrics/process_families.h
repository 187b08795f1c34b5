// What Prometheus' own dashboards ask every process for, under the names its client libraries use: this process's CPU
// time, memory, descriptors and start.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

namespace cardea::mgmt::metrics {

// What /proc does not tell is left out.
std::vector<prometheus::MetricFamily> process_families();

}  // namespace cardea::mgmt::metrics
