// A key that nobody outside can know, for hashes by which something is found again in this process alone.
#pragma once

#include "base/flow_hash.h"

namespace cardea::l7::policy {

HashKey random_key();

}  // namespace cardea::l7::policy
