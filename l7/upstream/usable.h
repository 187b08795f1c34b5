// Which backends an exchange may go to. Part of balance.
#pragma once

#include <algorithm>

#include "l7/upstream/balance.h"

namespace cardea::l7::upstream {

inline bool serves(const Standing& backend, TriedStandings tried) {
  return backend.serves && backend.weight != 0 && std::ranges::find(tried, &backend) == tried.end();
}

inline bool can_take(const Standing& backend, TriedStandings tried) {
  return !backend.full() && serves(backend, tried);
}

// Runs `choose(usable)` over those that are not suspect, then over the suspects too.
template <typename Choose>
Standing* trusted_first(TriedStandings tried, Instant now, Choose&& choose) {
  const auto trusted = [&](const Standing& it) { return !it.suspicion.suspect(now) && can_take(it, tried); };
  if (Standing* chosen = choose(trusted)) return chosen;
  return choose([&](const Standing& it) { return can_take(it, tried); });
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

}  // namespace cardea::l7::upstream
