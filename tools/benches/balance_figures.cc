#include "tools/benches/balance_figures.h"

#include <deque>
#include <vector>

#include "base/check.h"
#include "base/maglev.h"
#include "l7/plan/turn_order.h"
#include "l7/upstream/balance.h"

namespace cardea::l7 {
namespace {

using namespace upstream;
constexpr size_t kBackends = 10;
constexpr Instant kNow{std::chrono::hours(1)};

// As a pool of a running host has them: counted and timed for all shards.
struct Backends {
  Backends() : hosts(kBackends), all(kBackends) {
    std::vector<RingMember> members;
    std::vector<uint32_t> weights(kBackends, 1);
    for (size_t i = 0; i < kBackends; ++i) {
      members.push_back({i + 1, 1});
      hosts[i].latency.sample(std::chrono::milliseconds(5 + i), kNow);
      all[i].host_busy = &hosts[i].busy, all[i].latency = &hosts[i].latency;
      pointers.push_back(&all[i]);
    }
    ring = build_ring(members, 1009).value();
    order = turn_order(weights);
  }
  std::deque<BackendCounts> hosts;
  std::vector<Standing> all;
  std::vector<Standing*> pointers;
  std::vector<uint16_t> ring, order;
  HostTurn turn;
  Random random{1};
};

}  // namespace

void balance_figures(const Figure& measure) {
  Backends its;
  const Turns turns{its.order, its.turn};
  const auto chosen = [](const Standing* one) { CHECK(one != nullptr, "somebody serves"); };
  measure("l7.balance.round_robin", [&](size_t) { chosen(choose_in_turn(its.pointers, turns, {{}, kNow})); });
  measure("l7.balance.least_conn", [&](size_t) { chosen(choose_least_busy(its.pointers, turns, {{}, kNow})); });
  measure("l7.balance.maglev", [&](size_t) {
    chosen(choose_by_ring(its.pointers, its.ring, its.random.next(), {{}, kNow}));
  });
  measure("l7.balance.random", [&](size_t) {
    chosen(choose_at_random(its.pointers, its.order, its.random, {{}, kNow}));
  });
  measure("l7.balance.p2c", [&](size_t) { chosen(choose_of_two(its.pointers, its.order, its.random, {{}, kNow})); });
  measure("l7.balance.hash", [&](size_t) {
    chosen(choose_by_bounded_ring(its.pointers, its.ring, its.random.next(), 125, {{}, kNow}).chosen);
  });
}

}  // namespace cardea::l7
