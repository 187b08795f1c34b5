// What the shards' flight recorders have: a list of the exchanges that failed, were refused or were slow, or the story of
// one, told by its id.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/error.h"
#include "l7/control/running.h"

namespace cardea::l7 {

// `limit`: so many, the newest first. `kind`: only those; empty: all.
nlohmann::ordered_json recorded_exchanges(Running& running, const std::string& kind, size_t limit);
// An Error: none with that id is remembered.
Result<nlohmann::ordered_json> recorded_exchange(Running& running, const std::string& id);

}  // namespace cardea::l7
