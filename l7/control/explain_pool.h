// What a pool does with a request that is its own: who can serve, what has the say, and on which backend it falls. Part
// of explain.cc.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "l7/plan/live_plan.h"

namespace cardea::l7 {

// Into `json` and, sentence by sentence, into `story`. `hash`: of the request, where it is known.
void explain_balance(nlohmann::ordered_json& json, std::vector<std::string>& story, const PoolPlan& pool,
                     std::optional<uint64_t> hash);

}  // namespace cardea::l7
