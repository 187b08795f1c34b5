// What a rate limit counts by: which of them go by the address of the client, and can have it blocked, is said here alone.
#pragma once

#include "base/template.h"

namespace cardea {

// "${client_address}", or nothing, which stands for it.
bool goes_by_address(const Template& key);

}  // namespace cardea
