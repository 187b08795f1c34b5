// The rows of scripts_test.cc, by subject; script.h says how they read.
#pragma once

#include <vector>

#include "tests/unit/l7/tcp/script.h"

namespace cardea::l7::tcp {

extern const std::vector<Script> kHandshakes, kClosings, kWindows, kLosses, kStrangers;

}  // namespace cardea::l7::tcp
