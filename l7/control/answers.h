// Questions over the plan socket, answered as JSON: status, explain, exchanges, connections, tail, certs, cache, limits, blamed,
// purge. Only the last two change anything.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "l7/control/running.h"

namespace cardea::l7 {

Result<std::string> answer_question(std::string_view question, Running& running);

}  // namespace cardea::l7
