// What cardea-mgmt itself has to say on the metrics page: backends' health and shares, the configuration's generation
// and last reload, the processes. Pure.
#pragma once

#include <prometheus/metric_family.h>

#include <map>
#include <string>
#include <vector>

#include "mgmt/health/checker.h"
#include "mgmt/plan_link.h"
#include "mgmt/site.h"

namespace cardea::mgmt::metrics {

using Links = std::map<std::string, PlanLink::Peer>;  // by the process's name

std::vector<prometheus::MetricFamily> own_families(const View& view, const std::vector<health::TargetStatus>& health,
                                                   const health::Counters& checks, const Links& links);

}  // namespace cardea::mgmt::metrics
