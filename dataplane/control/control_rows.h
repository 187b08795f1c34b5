// The rows of the stats segment that are neither a packet's nor a backend's: cores, plan, neighbours, ports, the kernel
// door.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/l7_door_socket.h"
#include "base/stats.h"

namespace cardea::dataplane {

// Offsets in a core's cells, as in path_rows.h.
struct PortRows {
  uint32_t up = 0, errors_in = 0, errors_out = 0, missed = 0;
};
struct ControlRows {
  uint32_t busy_ns = 0, sleeping_ns = 0, wakeups = 0;                           // written by each worker on its core
  uint32_t from_kernel = 0, from_kernel_lost = 0, conversations_forgotten = 0;  // written by the door's thread
  uint32_t flows_max = 0, plan_generation = 0, plans_adopted = 0, plans_refused = 0;
  uint32_t neighbours_resolved = 0, neighbours_asked = 0, neighbours_failed = 0, neighbours_refused = 0;
  uint32_t waiting_packets = 0, path_mtus = 0, slots = 0, blocked = 0;
  std::array<uint32_t, kInstances> l7_shards{};  // of each instance of cardea-l7 that has a door
  uint32_t l7_attached = 0, l7_broken = 0;
  std::vector<PortRows> ports;

  static Result<ControlRows> add(stats::Segment& segment, std::span<const std::string> port_names);
};

}  // namespace cardea::dataplane
