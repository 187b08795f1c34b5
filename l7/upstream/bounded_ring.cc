// Consistent hashing with bounded loads (Mirrokni, Thorup and Zadimoghaddam 2017) over a Maglev ring.
#include "base/maglev.h"
#include "l7/upstream/usable.h"

namespace cardea::l7::upstream {
namespace {

// What all who can take something have under way, with the exchange that is chosen for.
struct Load {
  uint64_t busy = 1, weights = 0;

  uint32_t bound(const Standing& backend, uint32_t percent) const {
    const uint64_t whole = weights * 100;
    return uint32_t((busy * percent * backend.weight + whole - 1) / whole);  // 1 at least
  }
};

template <typename Usable>
Load load_of(Standings backends, Usable&& usable) {
  Load load;
  for (const Standing* it : backends)
    if (usable(*it)) load.busy += it->busy_now(), load.weights += it->weight;
  return load;
}

template <typename Usable>
Bounded below_bound(Standings backends, std::span<const uint16_t> ring, size_t slot, uint32_t percent,
                    Usable&& usable) {
  const Load load = load_of(backends, usable);
  Standing* const chosen = along_ring(backends, ring, slot, [&](const Standing& it) {
    return usable(it) && it.busy_now() < load.bound(it, percent);
  });
  if (chosen == nullptr) return {};
  chosen->bound = load.bound(*chosen, percent);
  const uint16_t at = slot < ring.size() ? ring[slot] : kRingEmpty;
  const Standing* const its = at < backends.size() ? backends[at] : chosen;
  return {chosen, its != chosen && usable(*its)};
}

}  // namespace

Bounded choose_by_bounded_ring(Standings backends, std::span<const uint16_t> ring, uint64_t hash, uint32_t percent,
                               const Choice& choice) {
  const size_t slot = ring.empty() ? 0 : ring_slot(hash, uint32_t(ring.size()));
  bool moved = false;
  Standing* const chosen = trusted_first(backends, choice, [&](auto&& usable) {
    const Bounded below = below_bound(backends, ring, slot, percent, usable);
    moved = below.moved;
    return below.chosen;
  });
  return {chosen, chosen != nullptr && moved};
}

}  // namespace cardea::l7::upstream
