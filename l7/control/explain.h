// What would happen to a request, and why: the same functions that serve requests, asked about one that nobody sent. No
// backend is touched and nothing changes.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "l7/control/url.h"
#include "l7/plan/live_plan.h"

namespace cardea::l7 {

struct ExplainRequest {
  std::string method;
  Url url;
  std::string service;             // empty: the one that listens where the URL says
  std::optional<Endpoint> client;  // who asks: decides the ring's slot; none: what hangs on it stays open
  std::vector<std::string> headers;  // "Name: value"
};

// An Error: no service would ever see this request.
Result<nlohmann::ordered_json> explain(const LivePlan& plan, const ExplainRequest& request);

}  // namespace cardea::l7
