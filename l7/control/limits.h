// What limits know, for people: their keys, their refusals, and who is refused most, over all shards. Nothing of it waits
// for a shard, nor holds one up.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/clock.h"
#include "l7/plan/live_plan.h"

namespace cardea::l7 {

nlohmann::ordered_json limits_json(const LivePlan& plan, Instant now);

// "300 requests, 1000000 bytes of responses in 60 s, 20 at once".
std::string what_it_limits(const policy::RateLimit& limit);

}  // namespace cardea::l7
