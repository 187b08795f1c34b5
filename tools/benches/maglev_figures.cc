// Ring figures: time to build, slots moved needlessly when one of a thousand backends fails, and the spread of the
// shares.
#include "tools/benches/maglev_figures.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "base/maglev.h"

namespace cardea::bench {
namespace {

constexpr uint32_t kBackends = 1000;

std::vector<RingMember> members() {
  std::vector<RingMember> out;
  for (uint32_t i = 0; i < kBackends; ++i)
    out.push_back({ring_member_key(HashKey::from_seed("bench"),
                                   "10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250 + 1) + ":80"),
                   1});
  return out;
}

double milliseconds_to_build(const std::vector<RingMember>& from) {
  std::vector<double> rounds;
  for (int i = 0; i < 11; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const auto ring = build_ring(from);
    if (!ring) return -1;
    rounds.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  }
  std::ranges::nth_element(rounds, rounds.begin() + 5);
  return rounds[5];
}

// Mean over 20 different failing backends of the share of all slots that moved though their backend lives.
double excess_percent(const std::vector<RingMember>& from, const std::vector<uint16_t>& before) {
  double sum = 0;
  for (uint32_t k = 0; k < 20; ++k) {
    const uint32_t failed = k * 47;
    auto without = from;
    without[failed].weight = 0;
    const auto after = build_ring(without);
    uint32_t moved = 0;
    for (size_t slot = 0; slot < before.size(); ++slot)
      moved += before[slot] != failed && before[slot] != (*after)[slot];
    sum += 100.0 * moved / double(before.size());
  }
  return sum / 20;
}

uint32_t imbalance_slots(const std::vector<uint16_t>& ring) {
  std::vector<uint32_t> share(kBackends);
  for (const uint16_t backend : ring) ++share[backend];
  const auto [least, most] = std::ranges::minmax(share);
  return most - least;
}

}  // namespace

void print_maglev_figures() {
  const auto from = members();
  const auto ring = build_ring(from);
  std::printf("{\"name\": \"maglev.build\", \"value\": %.3f, \"unit\": \"ms\"}\n", milliseconds_to_build(from));
  std::printf("{\"name\": \"maglev.excess\", \"value\": %.3f, \"unit\": \"%%\"}\n", excess_percent(from, *ring));
  std::printf("{\"name\": \"maglev.imbalance\", \"value\": %u, \"unit\": \"slots\"}\n", imbalance_slots(*ring));
}

}  // namespace cardea::bench
