// One worker's flows: a cache of decisions that keeps full tuples. An index of 64-byte buckets (ten 16-bit signatures
// and ten references; two buckets a hash, the second used once the first is full) points into a pool of 128-byte
// groups, each cut into four IPv4 entries of 32 bytes, two IPv6 ones of 64, or one NAT entry of 128. All memory comes
// from the caller at start and none is asked for later. A full table is an answer, not an accident: insert() says so
// and its caller decides. Of flows through tunnels only the client is ever heard, so they may fill seven eighths of the
// table: the rest is for NAT flows, which prove themselves. Times are milliseconds that may wrap.
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"
#include "base/flow_hash.h"
#include "dataplane/state/hops.h"
#include "dataplane/state/listen_table.h"
#include "dataplane/state/slots.h"
#include "dataplane/wire/tcp_shift.h"

namespace cardea::dataplane {

// A flow's entry and, for NAT flows, which of its two tuples was found. 0 is no flow.
using FlowRef = uint32_t;
inline constexpr FlowRef kNoFlow = 0;
inline constexpr FlowRef kLookFurther = 1u << 31;  // answer of candidate() alone

enum class FlowState : uint8_t {
  kFree = 0,
  kSyn = 1,          // TCP that nothing proves yet: begun by a SYN, or by a packet out of nowhere
  kEstablished = 2,  // both sides were heard; of a tunnel, the client again
  kClosing = 3,      // both sides said FIN; of a tunnel, the client
  kUdp = 4,          // as kEstablished
  kUdpOnce = 5,      // UDP that nothing proves yet
  kReset = 6,        // a RST that its receiver may have believed
};
inline constexpr size_t kFlowStates = 7;
// Costs its sender a packet, whoever that is; gives way to others.
inline bool unproven(FlowState state) {
  return state == FlowState::kSyn || state == FlowState::kUdpOnce;
}
inline bool ending(FlowState state) {
  return state == FlowState::kClosing || state == FlowState::kReset;
}
enum class FlowKind : uint8_t { kV4 = 0, kV6 = 1, kNat = 2 };

// What every entry starts with.
struct FlowHead {
  uint32_t last_seen_ms;
  SlotId slot;
  ServiceId service;
  FlowState state;
  Protocol protocol;
  uint16_t source_port_be, destination_port_be;
};
static_assert(sizeof(FlowHead) == 16);

struct FlowV4 {
  FlowHead head;
  uint32_t source_be, destination_be;
  uint64_t hash;
};
static_assert(sizeof(FlowV4) == 32);

struct FlowV6 {
  FlowHead head;
  std::array<uint8_t, 16> source, destination;
  uint64_t hash, spare;
};
static_assert(sizeof(FlowV6) == 64);

// What was heard of a NAT flow so far.
enum FlowHeard : uint8_t { kClientFin = 1, kBackendFin = 2, kBackendAnswered = 4, kProven = 8 };

// A fullnat flow: the client's tuple in the head and addresses, the backend's reply tuple beside it.
struct FlowNat {
  FlowHead head;
  std::array<uint8_t, 16> client, service_address, backend, nat_address;
  uint64_t hash, reply_hash;
  uint16_t backend_port_be, nat_port_be;
  // What a rewrite adds to the one's complement sums of header and payload: clients' packets; replies' is the
  // complement.
  uint16_t l3_delta, l4_delta;
  uint32_t hop_generation;  // hop_to_client is of this HopTable
  HopId hop_to_client;
  uint8_t family;
  uint8_t heard;  // FlowHeard
  wire::TcpShift shift;
  // TCP: what the client and what the backend acknowledged last, each as the backend sees the numbers; until the client
  // has, what it must.
  std::array<uint32_t, 2> acknowledged;
};
static_assert(sizeof(FlowNat) <= 128);

struct FlowTimeouts {
  uint32_t of[kFlowStates] = {};  // by FlowState
};

class FlowTable {
 public:
  static constexpr uint32_t kGroupBytes = 128;
  static constexpr uint32_t kEndedMax = 3 * 64;  // flows that end in one burst: three a packet

  FlowTable() = default;
  // `memory`: 64-byte aligned, zeroed, bytes_needed(flows_max) long; outlives the table.
  FlowTable(uint32_t flows_max, MutableBytes memory);
  // For flows_max flows of any kind together; 64 bytes a flow hold as many DSR flows when `entry_bytes` says so.
  static size_t bytes_needed(uint32_t flows_max, uint32_t entry_bytes = kGroupBytes);

  // Finding takes three steps so that a burst's cache misses overlap: prefetch(hash) … candidate(hash) … match().
  void prefetch(uint64_t hash) const { __builtin_prefetch(&buckets_[bucket_of(hash)]); }
  // By signature alone; its entry is being prefetched. kLookFurther when it may be in its second bucket, which is being
  // prefetched then.
  FlowRef candidate(uint64_t hash) const;
  FlowRef second_candidate(uint64_t hash) const;
  FlowRef match(FlowRef candidate, uint64_t hash, const FlowTuple& tuple) const;
  FlowRef find(uint64_t hash, const FlowTuple& tuple) const;  // all three at once

  // New entries: kNoFlow when flows_max is reached (for tunnels: tunnels_max), or no group or bucket has room. The
  // tuple must not be in the table.
  FlowRef insert(uint64_t hash, const FlowTuple& tuple, const FlowHead& head);
  // `nat` filled but for its hashes; both of its tuples must not be in the table.
  FlowRef insert_nat(uint64_t hash, uint64_t reply_hash, const FlowNat& nat);
  // Nothing finds the flow from here on, and its memory stays as it is until free_ended(): whoever found it earlier in
  // a burst still has its flow and no other. At most kEndedMax before they are freed.
  void end(FlowRef ref);
  void free_ended();
  void remove(FlowRef ref);  // both at once, between bursts

  FlowHead& head(FlowRef ref) const { return *reinterpret_cast<FlowHead*>(at(ref)); }
  FlowNat& nat(FlowRef ref) const { return *reinterpret_cast<FlowNat*>(at(ref)); }  // precondition: kind(ref) == kNat
  static FlowKind kind(FlowRef ref) { return FlowKind(ref >> 29 & 3); }
  static bool is_reply(FlowRef ref) { return ref >> 31 != 0; }
  FlowTuple tuple(FlowRef ref) const;        // as the client sent it
  FlowTuple reply_tuple(FlowRef ref) const;  // as the backend answers it; precondition: NAT

  // The clock hand: looks at the next `groups` groups and calls on_end(FlowRef) before each removal of a flow idle for
  // longer than its state's timeout.
  template <typename OnEnd>
  void expire(uint32_t now_ms, const FlowTimeouts& timeouts, uint32_t groups, OnEnd&& on_end);
  // Makes room in a full table: from the hand on, at most `groups` groups are searched for one with unproven flows; the
  // stalest of them. Those of `now_ms` itself are not staler than whoever asks.
  FlowRef find_unproven(uint32_t now_ms, uint32_t groups, bool tunnels_only);

  // Entries of group `group`, for whoever walks the table: calls visit(FlowRef) for each.
  template <typename Visit>
  void visit_group(uint32_t group, Visit&& visit) const;

  uint32_t size() const { return size_; }
  uint32_t flows_max() const { return flows_max_; }
  uint32_t tunnels_max() const { return flows_max_ - flows_max_ / 8; }
  uint32_t groups() const { return groups_used_; }  // groups from here on were never used

 private:
  static constexpr uint32_t kWays = 10;
  static constexpr uint32_t kNoGroup = 0xffffffff;
  struct alignas(64) Bucket {
    uint16_t signature[kWays];  // 0: free
    uint16_t overflowed;        // entries of this first bucket that live in their second
    uint16_t spare;
    FlowRef ref[kWays];
  };
  static_assert(sizeof(Bucket) == 64);
  struct alignas(64) Group {
    std::byte bytes[kGroupBytes];
  };
  // Beside each group: which of its entries are used, and its place in the list of free groups or of those of its kind
  // with room.
  struct GroupNote {
    uint32_t next, previous;
    FlowKind kind;
    uint8_t used;
    uint16_t spare;
  };

  static uint16_t signature_of(uint64_t hash) {
    const auto s = uint16_t(hash >> 16);
    return s == 0 ? 1 : s;
  }
  // The buckets come from bits 24 and up folded with the lowest ones, away from the ring's top bits.
  uint64_t bucket_of(uint64_t hash) const { return (hash ^ hash >> 32) & bucket_mask_; }
  uint64_t second_of(uint64_t first, uint16_t signature) const {
    return (first ^ (uint64_t{signature} * 0x5bd1e995u + 1)) & bucket_mask_;
  }
  std::byte* at(FlowRef ref) const { return reinterpret_cast<std::byte*>(pool_) + size_t(ref & 0x1fffffff) * 32; }
  static FlowRef reference(uint32_t unit, FlowKind kind, bool reply) {
    return unit | uint32_t(kind) << 29 | uint32_t(reply) << 31;
  }
  bool matches(FlowRef ref, uint64_t hash, const FlowTuple& tuple) const;
  static uint32_t ways_with(const Bucket& bucket, uint16_t signature);
  FlowRef prefetched(FlowRef ref) const;
  FlowRef search(uint64_t hash, const FlowTuple& tuple) const;  // every entry with its signature
  FlowRef search_bucket(const Bucket& bucket, uint64_t hash, const FlowTuple& tuple) const;
  uint64_t hash_of(FlowRef ref) const;
  bool index_add(uint64_t hash, FlowRef ref);
  bool has_room(uint64_t index) const { return ways_with(buckets_[index], 0) != 0; }
  void place(uint64_t index, uint16_t signature, FlowRef ref);
  bool make_room(uint64_t index);  // moves one entry of a full bucket to that entry's other bucket
  void index_remove(uint64_t hash, FlowRef ref);
  void index_remove(FlowRef ref);      // by both of its tuples
  uint32_t take_entry(FlowKind kind);  // unit, 0 when there is none
  void free_entry(FlowRef ref);
  void link(uint32_t& list, uint32_t group);
  void unlink(uint32_t& list, uint32_t group);

  Bucket* buckets_ = nullptr;
  Group* pool_ = nullptr;
  GroupNote* notes_ = nullptr;
  uint64_t bucket_mask_ = 0;
  uint32_t flows_max_ = 0, size_ = 0, tunnels_ = 0;
  uint32_t groups_max_ = 0, groups_used_ = 0;  // group 0 is not used, so that reference 0 is no flow
  uint32_t free_groups_ = kNoGroup;
  uint32_t with_room_[3] = {kNoGroup, kNoGroup, kNoGroup};
  uint32_t hand_ = 1;
  uint32_t ended_count_ = 0;
  std::array<FlowRef, kEndedMax> ended_{};
};

template <typename Visit>
void FlowTable::visit_group(uint32_t group, Visit&& visit) const {
  static constexpr uint32_t kUnits[3] = {1, 2, 4};
  const GroupNote& note = notes_[group];
  const uint32_t step = kUnits[uint32_t(note.kind)];
  for (uint32_t i = 0, used = note.used; used != 0; ++i, used >>= 1)
    if (used & 1) visit(reference(group * 4 + i * step, note.kind, false));
}

template <typename OnEnd>
void FlowTable::expire(uint32_t now_ms, const FlowTimeouts& timeouts, uint32_t groups, OnEnd&& on_end) {
  if (groups > groups_used_) groups = groups_used_;
  for (uint32_t i = 0; i < groups; ++i) {
    if (++hand_ >= groups_used_) hand_ = 1;
    if (hand_ >= groups_used_) return;
    visit_group(hand_, [&](FlowRef ref) {
      const FlowHead& entry = head(ref);
      if (now_ms - entry.last_seen_ms <= timeouts.of[size_t(entry.state)]) return;
      on_end(ref);
      remove(ref);
    });
  }
}

}  // namespace cardea::dataplane

#include "dataplane/state/flow_lookup.h"  // IWYU pragma: export
