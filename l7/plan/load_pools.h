// Pools of an image, checked and made into values. Part of load.cc.
#pragma once

#include "l7/plan/load.h"
#include "l7/plan_generated.h"

namespace cardea::l7::plan_detail {

IpAddress address_of(const image::Address& address);
// `running`: the pool of this name in the plan in force, or null.
Result<std::shared_ptr<const PoolPlan>> load_pool(const image::Pool& pool, PlanResources& resources,
                                                  const PoolPlan* running);

}  // namespace cardea::l7::plan_detail
