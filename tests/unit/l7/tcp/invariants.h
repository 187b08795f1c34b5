// What holds of every connection after every step, whatever came: checked by the simulation, the scripts and the
// fuzzer.
#pragma once

#include <string>

#include "l7/tcp/stack.h"

namespace cardea::l7::tcp {

// Empty when all hold, else what does not.
std::string broken_invariant(const Resources& shared, const Connection& c);

}  // namespace cardea::l7::tcp
