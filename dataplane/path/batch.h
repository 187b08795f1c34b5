// A burst on its way through the rooms: one column a fact, one row a packet. Rooms walk `live`, the rows still on the
// line; a room that decides a packet's fate sets verdict and reason and leaves it out of `live` from then on.
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"
#include "base/flow_hash.h"
#include "dataplane/path/reasons.h"
#include "dataplane/state/flow_table.h"
#include "dataplane/state/hops.h"
#include "dataplane/state/slots.h"
#include "dataplane/wire/frame.h"

struct rte_mbuf;

namespace cardea::dataplane {

inline constexpr uint32_t kBurstMax = 64;

enum class Verdict : uint8_t {
  kOnTheLine,
  kForward,   // out by hops[hop].port
  kDoor,      // the kernel's
  kHandOver,  // another worker owns the flow
  kWait,      // forward as soon as the next hop is resolved
  kToSender,  // dropped; the buffer holds an ICMP error that tells the sender why, out by hops[hop].port
  kDrop,
};

enum class Direction : uint8_t { kIn, kOut };  // client → backend, backend → client

// The six bytes of a link address as they stand at the start of a frame, in a word.
inline uint64_t link_address(const void* bytes) {
  return load_native<uint32_t>(bytes) | uint64_t{load_native<uint16_t>(static_cast<const std::byte*>(bytes) + 4)} << 32;
}

struct Batch {
  // Set by whoever received the burst, before path::run(); `packet` is owned by the batch until emit gives it away.
  uint32_t count = 0;
  uint16_t port = 0;         // all came from this port: index in the plan's ports (0 in bursts that were handed over)
  uint64_t mac = 0;          // of that port (link_address()); 0: not compared with whom the frames are for
  bool spread = false;       // this port cannot spread flows over the workers by itself
  bool handed_over = false;  // from another worker's ring: this worker owns them, whatever spread says
  rte_mbuf* packet[kBurstMax];

  uint32_t live_count = 0;
  uint8_t live[kBurstMax];

  // parse
  std::byte* data[kBurstMax];  // where the frame starts
  uint16_t length[kBurstMax];  // of the frame as it came
  wire::Frame frame[kBurstMax];
  FlowTuple tuple[kBurstMax];
  // parse, guard, and whoever ends a packet's way
  Verdict verdict[kBurstMax];
  Reason reason[kBurstMax];
  // classify
  ServiceId service[kBurstMax];  // kNoService when it is nobody's
  Direction direction[kBurstMax];
  uint64_t hash[kBurstMax];  // of live packets only
  // spread
  uint16_t owner[kBurstMax];
  // track, choose
  FlowRef flow[kBurstMax];
  SlotId slot[kBurstMax];
  bool new_flow[kBurstMax];
  uint32_t missed;              // live rows without a flow, for choose
  uint16_t bypassed, evicted;   // packets sent by the ring alone, unproven flows that made room
  uint16_t ports_taken;         // NAT ports that unproven or idle flows gave up
  std::array<bool, 2> no_room;  // nothing gives way in the full table: to a NAT flow, to a tunnel's
  FlowNat dry_nat;              // of a dry worker: the flow it would have made
  // route
  HopId hop[kBurstMax];
  // emit
  uint16_t out_length[kBurstMax];  // of the frame as it left

  void leave(uint32_t row, Verdict v, Reason why) {
    verdict[row] = v;
    reason[row] = why;
  }
  void drop(uint32_t row, Reason why) { leave(row, Verdict::kDrop, why); }
};

}  // namespace cardea::dataplane
