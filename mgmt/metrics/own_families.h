// What cardea-mgmt itself has to say on the metrics page: backends' health and shares, the configuration's generation
// and last reload, the processes. Pure.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

#include "mgmt/health/checker.h"
#include "mgmt/publish.h"
#include "mgmt/site.h"

namespace cardea::mgmt::metrics {

std::vector<prometheus::MetricFamily> own_families(const View& view, const std::vector<health::TargetStatus>& health,
                                                   const health::Counters& checks, const Publisher::Link& dataplane);

}  // namespace cardea::mgmt::metrics
