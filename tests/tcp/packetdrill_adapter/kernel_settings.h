// What a suite sets by sysctl before its scripts run, read where it was set: in this process' network namespace. Where
// /proc still has the kernel's own buffers nobody set anything, and the values are those that the public suites
// begin with (defaults.sh: buffers of 540,000 bytes, so window scale 8; no ECN).
#pragma once

#include "l7/tcp/settings.h"

namespace cardea::packetdrill {

struct KernelSettings {
  l7::tcp::Settings stack;
  uint32_t send_buffer = 256 * 1024;  // of a socket, as the kernel counts it
  uint32_t unsent_most = UINT32_MAX;  // TCP_NOTSENT_LOWAT
  uint32_t segments_least = 2;        // in one packet for a device that cuts
};

KernelSettings kernel_settings();

}  // namespace cardea::packetdrill
