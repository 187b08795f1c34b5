// Questions over the plan socket, answered as JSON: status, flows, explain. Read-only: whatever is asked, nothing
// changes.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "dataplane/control/running.h"
#include "dataplane/state/neighbours.h"

namespace cardea::dataplane {

Result<std::string> answer_question(std::string_view question, Running& running, const Neighbours& neighbours);

}  // namespace cardea::dataplane
