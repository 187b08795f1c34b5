// The counters of the shards' own TCPs in the stats segment: cardea_l7_tcp_events_total{event}, of what it met, and
// cardea_l7_tcp_refused_total{reason}, of what it had no room for. A shard's thread copies them there when it is asked.
#pragma once

#include <vector>

#include "base/stats_rows.h"
#include "l7/door/shard_door.h"

namespace cardea::l7 {

struct TcpRows {
  std::vector<uint32_t> counted;  // in the order of l7/tcp/counters.def
  uint32_t no_source_port = 0, pipe_full = 0;
  uint32_t connections = 0;     // _connections: a gauge
  uint32_t time_waits = 0;      // _time_waits: a gauge
  uint32_t unacknowledged = 0;  // _unacknowledged_bytes: a gauge, of the memory lent for what was written
  uint32_t attached = 0;        // _door_attached: a gauge

  static TcpRows add(stats::RowAdder& add);
  void write(const door::ShardDoor& door, uint64_t* cells) const;
};

}  // namespace cardea::l7
