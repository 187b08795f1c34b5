// The rate limits of an image. Part of load.cc.
#pragma once

#include "l7/plan/load.h"
#include "l7/plan_generated.h"

namespace cardea::l7::plan_detail {

// Those that the running plan has go on from where they are.
Result<policy::RateLimits> load_rate_limits(const image::Plan& plan, PlanResources& resources, const LivePlan* running);

}  // namespace cardea::l7::plan_detail
