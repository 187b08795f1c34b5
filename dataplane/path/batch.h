// A burst on its way through the rooms: one column a fact, one row a packet. Rooms walk `live`, the rows still on the
// line; a room that decides a packet's fate sets verdict and reason and leaves it out of `live` from then on.
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"
#include "base/flow_hash.h"
#include "dataplane/path/egress.h"
#include "dataplane/path/reasons.h"
#include "dataplane/state/flow_table.h"
#include "dataplane/state/hops.h"
#include "dataplane/state/slots.h"
#include "dataplane/wire/frame.h"
#include "dataplane/wire/tunnel_quote.h"

struct rte_mbuf;

namespace cardea::dataplane {

inline constexpr uint32_t kBurstMax = 64;

enum class Verdict : uint8_t {
  kOnTheLine,
  kForward,   // out by hops[hop].port
  kDoor,      // the kernel's
  kShard,     // cardea-l7's, which speaks TCP of its own
  kHandOver,  // another worker owns the flow
  kWait,      // forward as soon as the next hop is resolved
  kHold,      // a fragment that waits for the first one of its datagram
  kToSender,  // dropped; the buffer holds an ICMP error that tells the sender why, out by hops[hop].port
  kDrop,
};

enum class Direction : uint8_t { kIn, kOut };  // client → backend, backend → client

// The six bytes of a link address as they stand at the start of a frame, in a word.
inline uint64_t link_address(const void* bytes) {
  return load_native<uint32_t>(bytes) | uint64_t{load_native<uint16_t>(static_cast<const std::byte*>(bytes) + 4)} << 32;
}

// Ports see every frame on the wire. The virtual address of a VRRP router (RFC 5798 7.3) is ours when it gets to us.
inline bool for_this_port(uint64_t mac, const std::byte* frame) {
  const uint64_t to = link_address(frame);
  const uint64_t vrrp = to & 0xff'ffff'ffff;
  return to == mac || mac == 0 || vrrp == 0x01'00'5e'00'00 || vrrp == 0x02'00'5e'00'00;
}

// What a packet was cut into besides its first piece, which stays in its row.
struct Piece {
  rte_mbuf* packet;  // nullptr: no end took it
  uint16_t length;
  uint8_t row;
};

struct Batch {
  // Set by whoever received the burst, before path::run(); `packet` is owned by the batch until emit gives it away.
  uint32_t count = 0;
  uint16_t port = 0;          // all came from this port: index in the plan's ports (0 in bursts that were handed over)
  uint64_t mac = 0;           // of that port (link_address()); 0: not compared with whom the frames are for
  bool virtual_link = false;  // this port's peer may leave checksums to a NIC that is not there
  bool spread = false;        // this port cannot spread flows over the workers by itself
  bool handed_over = false;   // from another worker's ring: this worker owns them, whatever spread says
  bool from_shards = false;   // not received but made of what cardea-l7 sends (path::send())
  rte_mbuf* packet[kBurstMax];

  uint32_t live_count = 0;
  uint8_t live[kBurstMax];

  // parse
  std::byte* data[kBurstMax];  // where the frame starts
  uint16_t length[kBurstMax];  // of the frame as it came
  wire::Frame frame[kBurstMax];
  FlowTuple tuple[kBurstMax];
  wire::TunnelTooBig told;  // by a router about a tunnel of ours, one a burst; mtu 0: none did
  // parse, guard, and whoever ends a packet's way
  Verdict verdict[kBurstMax];
  Reason reason[kBurstMax];
  // guard: a bit a row
  uint64_t fragments;      // of these
  uint64_t sums_finished;  // their checksum was left half done by the sender's host
  // join
  uint64_t known;                     // fragments whose ports are known, and in their tuple
  uint64_t joined;                    // of these, those that became so here: their flow's worker has yet to be found
  uint64_t datagram[kBurstMax];       // of fragments: the hash that tells it from others
  rte_mbuf* released[kBurstMax];      // had waited for a first fragment of this burst: they go through the line again
  uint16_t released_count, given_up;  // given_up: waiting fragments that made room or waited for too long
  uint64_t datagrams_evicted;
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
  // rewrite
  static constexpr uint32_t kPiecesMax = 2 * kBurstMax;
  Piece pieces[kPiecesMax];
  uint16_t piece_count;
  // deal, of rows that go to cardea-l7; collect, of those that come from it
  uint8_t instance[kBurstMax], shard[kBurstMax];
  // admit
  DoorClass door[kBurstMax];  // of rows that go to the kernel
  // emit
  uint16_t out_length[kBurstMax];  // of the frame as it left
  uint16_t unreleased;             // what this worker's own ring did not take

  void leave(uint32_t row, Verdict v, Reason why) {
    verdict[row] = v;
    reason[row] = why;
  }
  void drop(uint32_t row, Reason why) { leave(row, Verdict::kDrop, why); }
};

}  // namespace cardea::dataplane
