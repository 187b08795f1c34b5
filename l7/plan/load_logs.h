// Access logs of an image: their forms and conditions read, their files and sockets opened, or taken over from the plan
// in force where name and target stay. Part of load.cc.
#pragma once

#include <memory>
#include <vector>

#include "base/error.h"
#include "l7/plan/live_plan.h"
#include "l7/plan/row_book.h"
#include "l7/plan_generated.h"

namespace cardea::l7::plan_detail {

using Logs = std::vector<std::shared_ptr<const LogPlan>>;

Result<Logs> load_logs(const image::Plan& plan, const PlanSettings& settings, RowBook& rows, const LivePlan* running);
// Those that one service's exchanges go to.
Result<Logs> choose_logs(const Logs& all, const flatbuffers::Vector<uint32_t>* chosen);

}  // namespace cardea::l7::plan_detail
