// The flow hash of many packets at once: four lanes of SipHash-1-3 in AVX2 registers, bit for bit what base/flow_hash.h
// answers for each packet alone. SipHash is one long chain of dependent steps, so one packet after the other leaves
// most of the core idle.
#pragma once

#include <cstdint>

#include "base/flow_hash.h"
#include "dataplane/wire/frame.h"

namespace cardea::dataplane::path {

// hash[row] of tuple[row] for the `count` rows in `rows`; frame[row].family says which of the two hashes.
void hash_flows(HashKey key, const FlowTuple* tuple, const wire::Frame* frame, const uint8_t* rows, uint32_t count,
                uint64_t* hash);

}  // namespace cardea::dataplane::path
