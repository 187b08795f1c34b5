// Which backend gets the next exchange: pure choosing over values, without connections, clocks or counters. Every
// choice prefers backends that are not suspect and takes a suspect only when nothing else serves, so a pool whose
// backends all failed a moment ago still tries; backups that stand by come before suspects. Costs: maglev O(1) while
// the slot's backend can serve, random and two choices O(1) while most can, the others O(backends).
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "l7/plan/host_counts.h"
#include "l7/upstream/suspicion.h"

namespace cardea::l7::upstream {

using std::chrono::milliseconds;

// How a backend that came back gets its share again: a tenth at once, and evenly more until it has the whole.
struct SlowStart {
  static constexpr uint32_t kWhole = 1000, kLeast = 100;
  milliseconds length{0};         // 0: none
  Instant since{Instant::min()};  // when it came back; that nobody saw: never

  uint32_t share(Instant now, Instant ejected_until) const {
    const Instant from = std::max(since, ejected_until);
    if (from == Instant::min() || now - from >= length) return kWhole;
    return std::max(kLeast, uint32_t(kWhole * std::max<int64_t>(0, (now - from).count()) /
                                     std::chrono::nanoseconds(length).count()));
  }
};

// What balance knows of a backend.
struct Standing {
  uint32_t weight = 1;
  bool serves = true;                   // gets new work at all
  uint32_t busy = 0;                    // exchanges and tunnels under way, this shard's
  uint32_t busy_max = 0;                // of the host; 0: no limit
  const HostCount* host_busy = nullptr;  // all shards'; null where nothing asks for it
  const HostLatency* latency = nullptr;  // all shards'; null where nothing asks for it
  // Most under way that the choice made just now allows (choose_by_bounded_ring); 0: any. Held to when a place is taken.
  uint32_t bound = 0;
  bool standby = false;                    // a backup: only for who finds no other
  const HostEjection* ejection = nullptr;  // all shards'; null where none are ejected
  SlowStart slow_start;
  Suspicion suspicion;

  // Passed over while others serve.
  bool doubtful(Instant now) const { return suspicion.suspect(now) || (ejection != nullptr && ejection->ejected(now)); }
  // Thousandths of its weight that count.
  uint32_t start_share(Instant now) const {
    return slow_start.length.count() == 0 ? SlowStart::kWhole
                                          : slow_start.share(now, ejection ? ejection->until() : Instant::min());
  }
  uint64_t weight_now(Instant now) const { return uint64_t{weight} * start_share(now); }
  uint32_t busy_now() const { return host_busy ? host_busy->now() : busy; }
  // A look: shards may look in the same instant, and only one of them gets the last place (Backend::claim).
  bool full() const { return busy_max != 0 && busy_now() >= busy_max; }
};
// The order that all shards of the host step through (plan/turn_order.h), and how far they are.
struct Turns {
  std::span<const uint16_t> order;
  HostTurn& turn;
};
using Standings = std::span<Standing* const>;
using TriedStandings = std::span<const Standing* const>;

// For whom it is chosen, and when.
struct Choice {
  TriedStandings tried;
  Instant now;
  // Below SlowStart::kWhole, evenly spread over exchanges: who has no larger share yet leaves this one to others.
  uint32_t lot = 0;
};

// All answer null when nobody can take the exchange.

// The ring's slot for the hash, and from there along the ring to the first that can.
Standing* choose_by_ring(Standings backends, std::span<const uint16_t> ring, uint64_t hash, const Choice& choice);
// Weighted round robin: shares are exact over every sum of weights, over all shards.
Standing* choose_in_turn(Standings backends, Turns turns, const Choice& choice);
// Fewest exchanges under way for its weight, of the whole host; among equals in turn.
Standing* choose_least_busy(Standings backends, Turns turns, const Choice& choice);

// Drawn by weight. `order` is that of turns.
Standing* choose_at_random(Standings backends, std::span<const uint16_t> order, Random& random, const Choice& choice);
// The better of two that are drawn by weight: by what they have under way for their weight and, where their latencies
// part by more than a quarter, by latency too. Of whom nothing is known, it is as fast as the median of the others.
Standing* choose_of_two(Standings backends, std::span<const uint16_t> order, Random& random, const Choice& choice);
// The ring's, as long as nobody gets more than `percent` of its share by weight of all that is under way; who has as much
// is passed over along the ring, whose neighbours are chance: what overflows is spread over all.
struct Bounded {
  Standing* chosen = nullptr;
  bool moved = false;  // who was passed over could have taken it but for the bound
};
Bounded choose_by_bounded_ring(Standings backends, std::span<const uint16_t> ring, uint64_t hash, uint32_t percent,
                               const Choice& choice);

// Whether some backend that was not tried serves, full or not: tells busy from none.
bool any_serves(Standings backends, TriedStandings tried);

}  // namespace cardea::l7::upstream
