// Segments as a capture sees them in front of a device that cuts them itself: what leaves at one moment and follows
// each other is one packet of up to 64 KB, and such a one bears PSH. Scripts for kernels with such devices expect it.
#pragma once

#include <vector>

#include "base/bytes.h"

namespace cardea::packetdrill {

// Appends the next packet's data to `packet` when a device would have got both as one.
bool merge(std::vector<std::byte>& packet, Bytes next);

}  // namespace cardea::packetdrill
