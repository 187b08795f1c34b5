// Everything the rooms of one worker use. The worker sets plan, hops, l7 and now_ms before each burst and owns the rest
// for good; nothing in here is shared with another thread but through `inspections`.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "dataplane/path/ageing.h"
#include "dataplane/path/egress.h"
#include "dataplane/path/inspect.h"
#include "dataplane/path/path_rows.h"
#include "dataplane/state/allowance.h"
#include "dataplane/state/block_list.h"
#include "dataplane/state/conversations.h"
#include "dataplane/state/failed_searches.h"
#include "dataplane/state/first_fragments.h"
#include "dataplane/state/flow_table.h"
#include "dataplane/state/hops.h"
#include "dataplane/state/l7_instances.h"
#include "dataplane/state/live_plan.h"
#include "dataplane/state/nat_ports.h"
#include "dataplane/state/steering.h"

struct rte_mempool;

namespace cardea::dataplane {

struct WorkerState {
  uint32_t index = 0, workers = 1;
  std::vector<Steering> steering;  // by port; none: not known
  std::vector<bool> sent_later;    // by port: what leaves there is counted by whoever sends it; none: by account

  // Set before each burst; not null, but for `hops` before the kernel has told of any, `blocks` and `l7`.
  const LivePlan* plan = nullptr;
  const HopTable* hops = nullptr;
  const BlockList* blocks = nullptr;  // null: nobody is blocked
  const L7Instances* l7 = nullptr;  // of cardea-l7 with TCP of its own; null: none yet
  uint32_t now_ms = 0;              // coarse, may wrap

  FlowTable flows;
  Ageing ageing;  // of `flows`
  NatPorts nat_ports;
  FailedSearches failed_searches;
  FirstFragments fragments;
  uint32_t own_id = 0;   // the last one given (path/own_id.h)
  uint16_t ip_id = 0;    // of packets that nobody may cut: any one will do (RFC 6864 4.1)
  uint32_t told_ms = 0;  // when a sender was last told that its packet is too big
  Allowance resets;      // path/reset.h

  rte_mempool* pool = nullptr;  // for packets that begin here: cardea-l7's
  uint32_t turn = 0;            // whose shard is heard first (path/collect.cc)

  uint64_t* cells = nullptr;  // this core's (stats::Segment::cells)
  const PathCells* path_cells = nullptr;
  Egress egress;
  const Conversations* conversations = nullptr;  // of this host's programs, as the door sees them; null: none
  InspectBox inspections;

  bool dry = false;  // answer only: no flow is made, touched or removed (explain)
};

FlowTimeouts flow_timeouts(const LivePlan& plan);

}  // namespace cardea::dataplane
