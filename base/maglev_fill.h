// The two halves of building a ring, apart so that each can be asked alone: whose turn it is (weights only), and which
// slot a turn takes (permutations only). base/maglev.h puts them together; nothing else needs this header.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace cardea::maglev {

// A member's permutation of the slots: offset, offset + skip, offset + 2 skip, … modulo the ring's size, which is
// prime.
struct Walk {
  uint32_t offset = 0;  // below the size
  uint32_t skip = 1;    // 1 .. size - 1
};

// Slots for each weight, adding up to `size`: size * weight / sum rounded down, and what is left over by largest
// remainder, first comes first (Hamilton's method). Weights are above 0.
std::vector<uint32_t> shares(std::span<const uint32_t> weights, uint32_t size);

// `size` turns, each the index of a member. A member's turn number k comes when its credit, which grows by
// weight / sum with each turn, passes k + 1/2, so heavy and light members are mixed evenly; equal weights take rounds.
std::vector<uint16_t> turns(std::span<const uint32_t> weights, uint32_t size);

// Each turn takes the first slot of its member's walk that is still free.
std::vector<uint16_t> fill(std::span<const Walk> walks, std::span<const uint16_t> turns);

}  // namespace cardea::maglev
