#include "base/maglev_fill.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"

namespace cardea::maglev {
namespace {

constexpr unsigned kFractionBits = 32;

uint64_t sum_of(std::span<const uint32_t> weights) {
  return std::accumulate(weights.begin(), weights.end(), uint64_t{0});
}

// When a member's turns come, counted in turns of all, as fixed-point numbers. A member that earns less than one turn
// comes last. Integers only: every node has to find the same order.
struct Schedule {
  uint64_t next, step;

  Schedule(uint64_t sum, uint32_t weight, uint32_t size) {
    const auto exact = (static_cast<unsigned __int128>(sum) << kFractionBits) / weight;
    const auto longest = static_cast<unsigned __int128>(2 * uint64_t{size}) << kFractionBits;
    step = uint64_t(std::min(exact, longest));
    next = step / 2;
  }
  uint32_t take(uint32_t size) {
    const auto turn = uint32_t(next >> kFractionBits);
    next += step;
    return std::min(turn, size - 1);
  }
};

}  // namespace

std::vector<uint32_t> shares(std::span<const uint32_t> weights, uint32_t size) {
  const uint64_t sum = sum_of(weights);
  std::vector<uint32_t> result(weights.size()), by_remainder(weights.size());
  std::vector<uint64_t> remainder(weights.size());
  uint32_t left = size;
  for (size_t i = 0; i < weights.size(); ++i) {
    const uint64_t scaled = uint64_t{weights[i]} * size;  // below 2^32 * 2^23
    result[i] = uint32_t(scaled / sum);
    remainder[i] = scaled % sum;
    left -= result[i];
  }
  std::iota(by_remainder.begin(), by_remainder.end(), 0);
  const auto larger = [&](uint32_t a, uint32_t b) {
    return remainder[a] != remainder[b] ? remainder[a] > remainder[b] : a < b;
  };
  std::ranges::nth_element(by_remainder, by_remainder.begin() + left, larger);
  for (uint32_t i = 0; i < left; ++i) ++result[by_remainder[i]];
  return result;
}

// A counting sort by time: linear in the ring's size whatever the weights are. Members with the same time go by index.
std::vector<uint16_t> turns(std::span<const uint32_t> weights, uint32_t size) {
  const uint64_t sum = sum_of(weights);
  const std::vector<uint32_t> share = shares(weights, size);
  std::vector<uint32_t> begin(size + 1, 0);
  for (size_t i = 0; i < weights.size(); ++i) {
    Schedule schedule(sum, weights[i], size);
    for (uint32_t k = 0; k < share[i]; ++k) ++begin[schedule.take(size) + 1];
  }
  std::partial_sum(begin.begin(), begin.end(), begin.begin());
  std::vector<uint16_t> order(size);
  for (size_t i = 0; i < weights.size(); ++i) {
    Schedule schedule(sum, weights[i], size);
    for (uint32_t k = 0; k < share[i]; ++k) order[begin[schedule.take(size)]++] = uint16_t(i);
  }
  return order;
}

// About size * ln(size) probes (727,000 for 65537), nearly all of slots already taken, so a probe is one load and one
// step without a branch. A byte a slot is 15 % faster here than a bit, and takes half the cache of the ring itself.
std::vector<uint16_t> fill(std::span<const Walk> walks, std::span<const uint16_t> turns) {
  const auto size = uint32_t(turns.size());
  std::vector<uint16_t> ring(size);
  std::vector<uint8_t> taken(size, 0);
  std::vector<Walk> at(walks.begin(), walks.end());  // offset: the slot this member asks for next
  for (const uint16_t member : turns) {
    const uint32_t skip = at[member].skip, back = skip - size;
    uint32_t slot = at[member].offset;
    DCHECK(slot < size && skip > 0 && skip < size);
    // slot + skip modulo size: of the two sums the wrong one is past the size, or below zero and so a huge number.
    const auto step = [&] { slot = std::min(slot + skip, slot + back); };
    while (taken[slot] != 0) step();
    taken[slot] = 1;
    ring[slot] = member;
    step();
    at[member].offset = slot;
  }
  return ring;
}

}  // namespace cardea::maglev
