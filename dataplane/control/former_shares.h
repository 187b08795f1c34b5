// What a killed process left on the interfaces of ports that it shared with the kernel and that are now beside a TAP.
#pragma once

#include <span>

#include "base/error.h"
#include "dataplane/port/port.h"

namespace cardea::dataplane {

// Takes the addresses and routes that bear our mark off them: the same ones are on the TAPs from now on.
Result<> clear_former_shares(std::span<const Port> ports);

}  // namespace cardea::dataplane
