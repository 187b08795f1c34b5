// Processes that should run and do not answer. What they counted last can still be read, and would look as if they ran.
#pragma once

#include <string>

#include "mgmt/api/json.h"
#include "mgmt/site.h"

namespace cardea::mgmt::api {

std::string away_text(const ProcessView& process);  // one sentence; empty while it is there, or not asked for
Json away_rows(const View& view);                   // [{"name", "problem"}]

}  // namespace cardea::mgmt::api
