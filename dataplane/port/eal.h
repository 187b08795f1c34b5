// Starting DPDK for this process: which cores, which memory, which devices. Once in a process's life.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "dataplane/port/device.h"

namespace cardea::dataplane {

struct EalRequest {
  std::vector<uint16_t> worker_cpus;  // worker i becomes lcore i + 1; several may share a CPU
  std::vector<Device> devices;        // of the ports: the only ones that DPDK may touch, and load drivers for
  uint64_t bytes = 0;                 // packet buffers, flow tables, rings
  std::string extra_arguments;        // the operator's own, separated by blanks
};

// Uses hugepages when the host has reserved any: too few is an Error that says how many are needed. None at all:
// ordinary memory, with a warning; also with `--no-huge` among the operator's arguments, without one.
Result<> start_eal(const EalRequest& request);
void stop_eal();

}  // namespace cardea::dataplane
