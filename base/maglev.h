// Maglev consistent hashing (Eisenbud et al., NSDI 2016, section 3.4): weights in, ring out, nothing else. Weights are
// exact: a backend gets its share of the slots within one, by cumulative credit. Permutations are walked by adding the
// skip modulo the ring's size, so no product can overflow. Order of the backends does not matter; their keys do.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/flow_hash.h"

namespace cardea {

inline constexpr uint32_t kRingSizeDefault = 65537;
inline constexpr uint16_t kRingEmpty = 0xffff;  // in every slot when no backend has weight
inline constexpr size_t kRingBackendsMax = 65535;

struct RingMember {
  uint64_t key = 0;     // identity, the same on every node: ring_member_key() of the backend's name
  uint32_t weight = 0;  // 0: no slots
};

uint64_t ring_member_key(HashKey key, std::string_view backend_name);

// One slot → index into `members`. Size must be a prime from 251 to 5,000,011 (checked: an Error otherwise); at most
// kRingBackendsMax members, keys distinct (Error). O(size log size) expected; about 1 ms for 65537 × 1000.
Result<std::vector<uint16_t>> build_ring(std::span<const RingMember> members, uint32_t size = kRingSizeDefault);

// The slot a flow's hash falls on.
inline uint32_t ring_slot(uint64_t hash, uint32_t size) { return share_of(hash, size); }

}  // namespace cardea
