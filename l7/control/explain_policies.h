// What the policies of its route would do with a request. Part of explain.cc.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "l7/http/head.h"
#include "l7/plan/live_plan.h"

namespace cardea::l7 {

void explain_policies(nlohmann::ordered_json& json, std::vector<std::string>& story, const LivePlan& plan, const RoutePlan& route,
                      const std::optional<Endpoint>& client, const http::RequestHead& head);

}  // namespace cardea::l7
