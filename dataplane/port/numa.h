// The socket (NUMA node) that a port's device is attached to: its packets are cheapest in that socket's memory.
#pragma once

#include <filesystem>

#include "dataplane/port/device.h"

namespace cardea::dataplane {

inline constexpr int kAnySocket = -1;  // the device is on none, or the host does not tell

// As the kernel says under `sys`, before DPDK is started.
int socket_of(const Device& device, const std::filesystem::path& sys = "/sys");

}  // namespace cardea::dataplane
