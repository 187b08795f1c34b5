// The colour of a backend's state, the same in every command.
#pragma once

#include <string_view>

#include "mgmt/cli/table.h"

namespace cardea::mgmt::cli {

inline Tone tone_of_state(std::string_view state) {
  if (state == "up" || state == "ready") return Tone::kGood;
  if (state == "down") return Tone::kBad;
  return Tone::kWarning;  // drain, maint: somebody's wish
}

}  // namespace cardea::mgmt::cli
