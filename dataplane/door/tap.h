// The kernel's side of a port: a TAP interface with the port's name and MAC address, that lives as long as the process.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "base/error.h"
#include "base/file_descriptor.h"

namespace cardea::dataplane {

struct Tap {
  FileDescriptor fd;  // non-blocking; one read or write is one frame behind its VirtioHeader
  int index = 0;      // the kernel's interface number
  std::string name;
};

// Makes the interface, gives it MAC and MTU and brings it up. An interface of that name that is not ours is an Error.
Result<Tap> open_tap(const std::string& name, const std::array<uint8_t, 6>& mac, uint32_t mtu);

// The kernel sees the link of the port on its TAP: routing protocols leave a port without one at once.
Result<> set_carrier(const Tap& tap, bool up);

}  // namespace cardea::dataplane
