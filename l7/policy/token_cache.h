// Tokens that were verified, until they expire.
#pragma once

#include "l7/policy/remembered.h"
#include "l7/policy/token.h"

namespace cardea::l7::policy {

using TokenCache = Remembered<Claims>;

}  // namespace cardea::l7::policy
