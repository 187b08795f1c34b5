// One thing to say about a configuration file: where, what was found, what was expected and, where it can be guessed,
// what was probably meant.
#pragma once

#include <string>
#include <vector>

#include "conf/config.h"

namespace cardea::conf {

struct Finding {
  enum Level { error, warning, hint };
  Level level = error;
  Place place;
  std::string message;   // what is wrong, with what was found; no full stop
  std::string expected;  // what would be right: "a duration from 10ms to 1h, such as \"2s\""; may be empty
  std::string nearest;   // what was probably meant, as it should be written; may be empty
};

using Findings = std::vector<Finding>;

}  // namespace cardea::conf
