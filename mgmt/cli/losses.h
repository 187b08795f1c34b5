// What `cardea status` and `cardea top` say about what was lost and which limits were reached (metrics/losses.h).
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace cardea::mgmt::cli {

// One line a kind since the processes began, the most frequent first; empty: nothing was.
std::string losses_text(const nlohmann::json& status, bool colour);

// One line for what happened between two answers, a second; empty: nothing did.
std::string losses_a_second(const nlohmann::json& before, const nlohmann::json& after, double seconds, bool colour);

}  // namespace cardea::mgmt::cli
