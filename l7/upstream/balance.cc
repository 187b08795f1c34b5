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

bool less_busy(const Standing& a, const Standing& b, Instant now) {
  return uint64_t{a.busy_now()} * b.weight_now(now) < uint64_t{b.busy_now()} * a.weight_now(now);
}

template <typename Usable>
Standing* least_busy(Standings backends, Turns turns, Instant now, Usable&& usable) {
  const Standing* least = nullptr;
  for (const Standing* backend : backends) {
    if (usable(*backend) && (!least || less_busy(*backend, *least, now))) least = backend;
  }
  if (!least) return nullptr;
  return in_turn(backends, turns, [&](const Standing& it) { return usable(it) && !less_busy(*least, it, now); });
}

}  // namespace

Standing* choose_by_ring(Standings backends, std::span<const uint16_t> ring, uint64_t hash, const Choice& choice) {
  const size_t slot = ring.empty() ? 0 : ring_slot(hash, static_cast<uint32_t>(ring.size()));
  if (slot < ring.size() && ring[slot] < backends.size()) {
    Standing* its = backends[ring[slot]];
    const bool ready = !its->standby && !its->doubtful(choice.now) && can_take(*its, choice.tried);
    if (ready && (choice.lot == 0 || its->start_share(choice.now) > choice.lot)) return its;
  }
  return trusted_first(backends, choice, [&](auto&& usable) { return along_ring(backends, ring, slot, usable); });
}

Standing* choose_in_turn(Standings backends, Turns turns, const Choice& choice) {
  return trusted_first(backends, choice, [&](auto&& usable) { return in_turn(backends, turns, usable); });
}

Standing* choose_least_busy(Standings backends, Turns turns, const Choice& choice) {
  return trusted_first(backends, choice,
                       [&](auto&& usable) { return least_busy(backends, turns, choice.now, usable); });
}

bool any_serves(Standings backends, TriedStandings tried) {
  return std::ranges::any_of(backends, [&](const Standing* it) { return serves(*it, tried); });
}

}  // namespace cardea::l7::upstream
