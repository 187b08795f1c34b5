#include "l7/plan/turn_order.h"

#include <algorithm>
#include <numeric>

namespace cardea::l7 {
namespace {

// Smallest numbers in the same proportions, none of them rounded to nothing.
std::vector<uint64_t> turns_of(std::span<const uint32_t> weights) {
  uint64_t sum = 0, divisor = 0;
  for (const uint32_t weight : weights) sum += weight, divisor = std::gcd(divisor, uint64_t{weight});
  std::vector<uint64_t> turns(weights.begin(), weights.end());
  if (sum == 0) return turns;
  const bool fits = sum / divisor <= kTurnsMax;
  for (uint64_t& it : turns)
    if (it != 0) it = fits ? it / divisor : std::max<uint64_t>(1, it * kTurnsMax / sum);
  return turns;
}

struct Turn {
  double at;
  uint16_t whose;
};

}  // namespace

// Each one's turns lie evenly in one round, shifted against the others' so that equals alternate.
std::vector<uint16_t> turn_order(std::span<const uint32_t> weights) {
  std::vector<Turn> round;
  const std::vector<uint64_t> turns = turns_of(weights);
  for (size_t i = 0; i < turns.size(); ++i) {
    const double shift = (double(i) + 0.5) / double(turns.size());
    for (uint64_t k = 0; k < turns[i]; ++k) round.push_back({(double(k) + shift) / double(turns[i]), uint16_t(i)});
  }
  std::ranges::stable_sort(round, {}, &Turn::at);
  std::vector<uint16_t> order(round.size());
  std::ranges::transform(round, order.begin(), &Turn::whose);
  return order;
}

}  // namespace cardea::l7
