// Which backend gets the next exchange: pure choosing over values, without connections, clocks or counters. Every
// choice prefers backends that are not suspect and takes a suspect only when nothing else serves, so a pool whose
// backends all failed a moment ago still tries. Costs: maglev O(1) while the slot's backend can serve, the others
// O(backends).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/clock.h"
#include "l7/plan/host_counts.h"
#include "l7/upstream/suspicion.h"

namespace cardea::l7::upstream {

// What balance knows of a backend.
struct Standing {
  uint32_t weight = 1;
  bool serves = true;                   // gets new work at all
  uint32_t busy = 0;                    // exchanges and tunnels under way, this shard's
  uint32_t busy_max = 0;                // of the host; 0: no limit
  const HostCount* host_busy = nullptr;  // all shards'; null where nothing asks for it
  Suspicion suspicion;

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

// All answer null when nobody can take the exchange.

// The ring's slot for the hash, and from there along the ring to the first that can.
Standing* choose_by_ring(Standings backends, std::span<const uint16_t> ring, uint64_t hash, TriedStandings tried,
                         Instant now);
// Weighted round robin: shares are exact over every sum of weights, over all shards.
Standing* choose_in_turn(Standings backends, Turns turns, TriedStandings tried, Instant now);
// Fewest exchanges under way for its weight, of the whole host; among equals in turn.
Standing* choose_least_busy(Standings backends, Turns turns, TriedStandings tried, Instant now);

// Whether some backend that was not tried serves, full or not: tells busy from none.
bool any_serves(Standings backends, TriedStandings tried);

}  // namespace cardea::l7::upstream
