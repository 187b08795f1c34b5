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

template <typename Usable>
Standing* least_of(Standings backends, Usable&& usable) {
  Standing* least = nullptr;
  for (Standing* it : backends)
    if (usable(*it) && (!least || uint64_t{it->busy_now()} * least->weight < uint64_t{least->busy_now()} * it->weight))
      least = it;
  return least;
}

// A backup that stands by, unless another backend serves and is only full.
inline Standing* from_standby(Standings backends, const Choice& choice) {
  const auto trusted = [&](const Standing& it) { return !it.doubtful(choice.now) && serves(it, choice.tried); };
  const auto other = [&](const Standing* it) { return !it->standby && trusted(*it); };
  if (std::ranges::any_of(backends, other)) return nullptr;
  return least_of(backends, [&](const Standing& it) { return it.standby && !it.full() && trusted(it); });
}

// Runs `choose(usable)` over those that have their share and no doubt on them, over all without doubt, then over the
// doubtful; backups come in between.
template <typename Choose>
Standing* trusted_first(Standings backends, const Choice& choice, Choose&& choose) {
  const auto ready = [&](const Standing& it) { return !it.standby && can_take(it, choice.tried); };
  const auto trusted = [&](const Standing& it) { return ready(it) && !it.doubtful(choice.now); };
  if (Standing* chosen = choose([&](const Standing& it) {
        return trusted(it) && (choice.lot == 0 || it.start_share(choice.now) > choice.lot);
      }))
    return chosen;
  if (choice.lot != 0)
    if (Standing* chosen = choose(trusted)) return chosen;
  if (Standing* chosen = from_standby(backends, choice)) return chosen;
  if (Standing* chosen = choose(ready)) return chosen;
  const auto other = [&](const Standing* it) { return !it->standby && serves(*it, choice.tried); };
  if (std::ranges::any_of(backends, other)) return nullptr;
  return least_of(backends, [&](const Standing& it) { return can_take(it, choice.tried); });
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
