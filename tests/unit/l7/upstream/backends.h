// Backends as balance sees them, values without connections.
#pragma once

#include <vector>

#include "base/maglev.h"
#include "l7/plan/turn_order.h"
#include "l7/upstream/balance.h"

namespace cardea::l7::upstream::test {

inline constexpr Instant kNow{std::chrono::hours(1)};

struct Backends {
  explicit Backends(std::vector<uint32_t> weights) : all(weights.size()) {
    for (size_t i = 0; i < weights.size(); ++i) {
      all[i].weight = weights[i];
      pointers.push_back(&all[i]);
    }
  }
  size_t index(const Standing* chosen) const { return chosen ? size_t(chosen - all.data()) : none(); }
  size_t none() const { return all.size(); }
  Turns turns() {
    std::vector<uint32_t> weights;
    for (const Standing& it : all) weights.push_back(it.serves ? it.weight : 0);
    order = turn_order(weights);
    return {order, turn};
  }
  size_t at_random(Random& random) { return index(choose_at_random(pointers, turns().order, random, {{}, kNow})); }
  size_t of_two(Random& random, Instant now = kNow) {
    return index(choose_of_two(pointers, turns().order, random, {{}, now}));
  }
  size_t in_turn(std::vector<const Standing*> tried = {}, uint32_t lot = 0) {
    return index(choose_in_turn(pointers, turns(), {tried, kNow, lot}));
  }
  size_t least_busy() { return index(choose_least_busy(pointers, turns(), {{}, kNow})); }
  size_t by_ring(uint64_t hash) { return index(choose_by_ring(pointers, ring, hash, {{}, kNow})); }
  void make_ring() {
    std::vector<RingMember> members;
    for (size_t i = 0; i < all.size(); ++i) members.push_back({i + 1, all[i].weight});
    ring = build_ring(members, 1009).value();
  }

  std::vector<Standing> all;
  std::vector<Standing*> pointers;
  std::vector<uint16_t> ring, order;
  HostTurn turn;
};

}  // namespace cardea::l7::upstream::test
