// The order in which backends are taken in turn: each as often as its weight says, and spread over the whole. One order
// that all shards step through together is exact over all of them, which an account of each shard's own is not.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace cardea::l7 {

inline constexpr uint64_t kTurnsMax = 4096;  // beyond it shares are rounded; more only where there are more backends

// Indices of the weights, who weighs nothing left out.
std::vector<uint16_t> turn_order(std::span<const uint32_t> weights);

}  // namespace cardea::l7
