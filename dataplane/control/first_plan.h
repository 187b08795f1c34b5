// How the process gets its first plan: the one stored beside us when it is usable, else the one that mgmt hands over; and
// how mgmt, which keeps the words, is told what kept the process from starting with it.
#pragma once

#include <optional>

#include "base/error.h"
#include "base/plan_server.h"
#include "dataplane/control/running.h"

namespace cardea::dataplane {

struct FirstPlan {
  Prepared prepared;
  uint64_t generation = 0;
  cardea::control::PlanServer::Ticket asker = 0;  // who waits to hear what becomes of it; 0: it was stored
};

// STATE/dataplane.plan; waits for mgmt when there is none or it is not a plan. Nothing when `stop_fd` became readable.
Result<std::optional<FirstPlan>> first_plan(cardea::control::PlanServer& server, const StartOptions& options,
                                            int stop_fd);

// Waits for mgmt, whatever is stored.
Result<std::optional<FirstPlan>> wait_for_plan(cardea::control::PlanServer& server, const StartOptions& options,
                                               int stop_fd);

// What becomes of a plan: answers who handed it over. For a stored one that failed, mgmt is waited for half a second at
// most, which hands over what it takes for the newest plan as soon as somebody listens: nothing is said of another one.
void tell_started(cardea::control::PlanServer& server, const FirstPlan& plan);
void tell_failed(cardea::control::PlanServer& server, const FirstPlan& plan, const Error& why);

}  // namespace cardea::dataplane
