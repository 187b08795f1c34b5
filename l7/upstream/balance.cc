#include "l7/upstream/balance.h"

#include <algorithm>

#include "base/maglev.h"

namespace cardea::l7::upstream {
namespace {

bool serves(const Standing& backend, TriedStandings tried) {
  return backend.serves && backend.weight != 0 && std::ranges::find(tried, &backend) == tried.end();
}

bool can_take(const Standing& backend, TriedStandings tried) {
  return !backend.full() && serves(backend, tried);
}

// Runs `choose(usable)` over those that are not suspect, then over the suspects too.
template <typename Choose>
Standing* trusted_first(TriedStandings tried, Instant now, Choose&& choose) {
  const auto trusted = [&](const Standing& it) { return !it.suspicion.suspect(now) && can_take(it, tried); };
  if (Standing* chosen = choose(trusted)) return chosen;
  return choose([&](const Standing& it) { return can_take(it, tried); });
}

// Each of these earns its weight, and the richest pays for all of them.
template <typename Usable>
Standing* in_turn(Standings backends, Usable&& usable) {
  Standing* richest = nullptr;
  int64_t sum = 0;
  for (Standing* backend : backends) {
    if (!usable(*backend)) continue;
    sum += backend->weight;
    backend->credit += backend->weight;
    if (!richest || backend->credit > richest->credit) richest = backend;
  }
  if (richest) richest->credit -= sum;
  return richest;
}

bool less_busy(const Standing& a, const Standing& b) {
  return uint64_t{a.busy} * b.weight < uint64_t{b.busy} * a.weight;
}

template <typename Usable>
Standing* least_busy(Standings backends, Usable&& usable) {
  const Standing* least = nullptr;
  for (const Standing* backend : backends) {
    if (usable(*backend) && (!least || less_busy(*backend, *least))) least = backend;
  }
  if (!least) return nullptr;
  return in_turn(backends, [&](const Standing& it) { return usable(it) && !less_busy(*least, it); });
}

// Looks before it walks: a ring whose backends are all full would be walked to its end by every exchange.
template <typename Usable>
Standing* along_ring(Standings backends, std::span<const uint16_t> ring, size_t slot, Usable&& usable) {
  const auto first = std::ranges::find_if(backends, [&](const Standing* it) { return usable(*it); });
  if (first == backends.end()) return nullptr;
  for (size_t step = 0; step < ring.size(); step++) {
    const uint16_t at = ring[slot];
    if (at < backends.size() && usable(*backends[at])) return backends[at];
    if (++slot == ring.size()) slot = 0;
  }
  return *first;  // its weight earned it no slot
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

Standing* choose_in_turn(Standings backends, TriedStandings tried, Instant now) {
  return trusted_first(tried, now, [&](auto&& usable) { return in_turn(backends, usable); });
}

Standing* choose_least_busy(Standings backends, TriedStandings tried, Instant now) {
  return trusted_first(tried, now, [&](auto&& usable) { return least_busy(backends, usable); });
}

bool any_serves(Standings backends, TriedStandings tried) {
  return std::ranges::any_of(backends, [&](const Standing* it) { return serves(*it, tried); });
}

}  // namespace cardea::l7::upstream
