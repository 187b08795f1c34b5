#include "l7/upstream/balance.h"

#include <algorithm>

#include "base/maglev.h"
#include "l7/upstream/usable.h"

namespace cardea::l7::upstream {
namespace {

// The next that is usable. Who is passed over has had its turn: the others keep their shares of what is left.
template <typename Usable>
Standing* in_turn(Standings backends, Turns turns, Usable&& usable) {
  const auto first = std::ranges::find_if(backends, [&](const Standing* it) { return usable(*it); });
  if (first == backends.end()) return nullptr;
  const size_t size = turns.order.size();
  const uint64_t turn = turns.turn.next.fetch_add(1, std::memory_order_relaxed);
  for (size_t passed = 0; passed < size; passed++) {
    const uint16_t at = turns.order[(turn + passed) % size];
    if (at >= backends.size() || !usable(*backends[at])) continue;
    if (passed != 0) turns.turn.next.fetch_add(passed, std::memory_order_relaxed);
    return backends[at];
  }
  return *first;  // its weight earned it no turn
}

bool less_busy(const Standing& a, const Standing& b) {
  return uint64_t{a.busy_now()} * b.weight < uint64_t{b.busy_now()} * a.weight;
}

template <typename Usable>
Standing* least_busy(Standings backends, Turns turns, Usable&& usable) {
  const Standing* least = nullptr;
  for (const Standing* backend : backends) {
    if (usable(*backend) && (!least || less_busy(*backend, *least))) least = backend;
  }
  if (!least) return nullptr;
  return in_turn(backends, turns, [&](const Standing& it) { return usable(it) && !less_busy(*least, it); });
}

}  // namespace

Standing* choose_by_ring(Standings backends, std::span<const uint16_t> ring, uint64_t hash, TriedStandings tried,
                         Instant now) {
  const size_t slot = ring.empty() ? 0 : ring_slot(hash, static_cast<uint32_t>(ring.size()));
  if (slot < ring.size() && ring[slot] < backends.size()) {
    Standing* its = backends[ring[slot]];
    if (!its->suspicion.suspect(now) && can_take(*its, tried)) return its;
  }
  return trusted_first(tried, now, [&](auto&& usable) { return along_ring(backends, ring, slot, usable); });
}

Standing* choose_in_turn(Standings backends, Turns turns, TriedStandings tried, Instant now) {
  return trusted_first(tried, now, [&](auto&& usable) { return in_turn(backends, turns, usable); });
}

Standing* choose_least_busy(Standings backends, Turns turns, TriedStandings tried, Instant now) {
  return trusted_first(tried, now, [&](auto&& usable) { return least_busy(backends, turns, usable); });
}

bool any_serves(Standings backends, TriedStandings tried) {
  return std::ranges::any_of(backends, [&](const Standing* it) { return serves(*it, tried); });
}

}  // namespace cardea::l7::upstream
