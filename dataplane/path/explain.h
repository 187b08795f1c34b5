// What would happen to a packet, answered by the rooms that forward: a synthetic packet goes through the line in a
// worker that changes nothing (WorkerState::dry), and the columns it leaves behind are the answer. The worker fills in
// plain values; story() puts them into words on the control thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/flow_hash.h"
#include "dataplane/path/batch.h"

namespace cardea::dataplane {

struct LivePlan;
struct Steering;
struct WorkerState;

struct Explanation {
  FlowTuple tuple;  // the question: host-independent, as it would stand in the packet

  Verdict verdict = Verdict::kOnTheLine;
  Reason reason = Reason::kNone;
  ServiceId service = kNoService;
  Direction direction = Direction::kIn;
  bool has_hash = false;
  uint64_t hash = 0;
  uint32_t owner = 0;  // worker
  bool flow_hit = false;
  FlowState flow_state = FlowState::kFree;
  uint32_t ring_slot = 0;  // of a service's packets
  SlotId slot = kNoSlot;
  FlowTuple rewritten;  // fullnat: addresses and ports that leave; ipip: outer addresses, ports 0
  bool is_rewritten = false, encapsulated = false;
  HopId hop = kNoHop;
  Hop next_hop;
  DoorClass door = DoorClass::kRest;  // of what goes to the kernel
  uint32_t instance = 0, shard = 0;   // of what goes to cardea-l7
};

// Which worker to ask: the owner of the tuple's flow. `steering` is of the port that its client's packets come by;
// where that is not known, the hash decides, as it does for ports that do not steer.
uint32_t explain_owner(const LivePlan& plan, const FlowTuple& tuple, uint32_t workers, const Steering& steering);

// Runs in the worker (or in any state that nobody else is using).
void explain(WorkerState& worker, Explanation& explanation);

// The answer as numbered sentences, one a room.
std::vector<std::string> story(const LivePlan& plan, const SlotRegistry& registry, const Explanation& explanation);

}  // namespace cardea::dataplane
