// Addresses and routes that bear our mark on ports' own interfaces, whichever process set them.
#pragma once

#include <span>

#include "base/error.h"
#include "dataplane/port/port.h"

namespace cardea::dataplane {

// Of ports that are not shared, or not any more: what a killed process left there. The same ones are on the TAPs from
// now on.
Result<> clear_former_shares(std::span<const Port> ports);
// Of shared ports, before they are closed: without the program the kernel would answer for layer 4 there.
Result<> clear_shares(std::span<const Port> ports);

}  // namespace cardea::dataplane
