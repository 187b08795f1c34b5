// How the process gets its first plan: the one stored beside us when it is usable, else the one that mgmt hands over.
#pragma once

#include <memory>

#include "base/error.h"
#include "base/plan_server.h"
#include "dataplane/control/running.h"

namespace cardea::dataplane {

// Starts from STATE/dataplane.plan; waits for mgmt when there is none or it is not a plan. Null when `stop_fd` became
// readable. An Error with Retry::kSafe: the stored plan is sound but cannot be run here; a fresh process may wait for
// another.
Result<std::unique_ptr<Running>> first_plan(cardea::control::PlanServer& server, const StartOptions& options,
                                            int stop_fd);

// Waits for mgmt, whatever is stored.
Result<std::unique_ptr<Running>> wait_for_plan(cardea::control::PlanServer& server, const StartOptions& options,
                                               int stop_fd);

}  // namespace cardea::dataplane
