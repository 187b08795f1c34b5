// The rows that account adds to besides those of services and backends: drops by reason, kernel packets, ports.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/stats.h"
#include "dataplane/path/reasons.h"
#include "dataplane/state/slots.h"

namespace cardea::dataplane {

struct PortCells {
  uint32_t packets_in = 0, bytes_in = 0, packets_out = 0, bytes_out = 0;
};

// Offsets in a core's cells, the same on every core.
struct PathCells {
  uint32_t drops[kReasonCount] = {};
  uint32_t to_kernel = 0;          // cardea_kernel_packets_total{direction="to"}
  uint32_t handed_over = 0;        // cardea_handed_over_packets_total
  uint32_t bypassed = 0;           // cardea_flow_table_bypassed_packets_total: ipip by ring alone, the table being full
  uint32_t evicted = 0;            // cardea_flows_evicted_total: unproven flows that made room
  uint32_t ports_taken = 0;        // cardea_nat_ports_taken_total: NAT ports that unproven or idle flows gave up
  uint32_t fragments_joined = 0;   // cardea_fragments_joined_total
  uint32_t datagrams_evicted = 0;  // cardea_fragmented_datagrams_evicted_total
  uint32_t fragments_made = 0;     // cardea_fragments_made_total
  uint32_t sums_finished = 0;      // cardea_checksums_finished_total
  uint32_t flows = 0;              // cardea_flows: a gauge
  uint32_t begun_gave_way = 0;     // cardea_l7_door_flows_forgotten_total
  TrafficCells shards;             // cardea_l7_door_{packets,bytes}_total: in is up, to cardea-l7
  std::vector<PortCells> ports;    // by index in the plan
};

Result<PathCells> add_path_rows(stats::Segment& segment, std::span<const std::string> port_names);

}  // namespace cardea::dataplane
