// Backends by chance: one drawn, or the better of two (Mitzenmacher 2001; weighed by peak EWMA as in Finagle).
#include <algorithm>
#include <array>

#include "l7/upstream/usable.h"

namespace cardea::l7::upstream {
namespace {

constexpr int kDraws = 8;             // before it is walked on: most cannot take anything
constexpr size_t kMedianSamples = 64;  // of a large pool's latencies

// Turns hold each backend as often as its weight says.
template <typename Usable>
Standing* draw(Standings backends, std::span<const uint16_t> order, Random& random, Usable&& usable) {
  for (int i = 0; i < kDraws && !order.empty(); ++i) {
    const uint16_t at = order[random.below(order.size())];
    if (at < backends.size() && usable(*backends[at])) return backends[at];
  }
  return along_ring(backends, order, order.empty() ? 0 : random.below(order.size()), usable);
}

float latency_of(const Standing& backend, Instant now) {
  return backend.latency == nullptr ? 0 : backend.latency->at(now);
}

// Of those that something is known of; 0: of none.
float median(Standings backends, Instant now) {
  std::array<float, kMedianSamples> known;
  size_t count = 0;
  const size_t step = (backends.size() + kMedianSamples - 1) / kMedianSamples;
  for (size_t i = 0; i < backends.size(); i += step)
    if (const float its = latency_of(*backends[i], now); its != 0) known[count++] = its;
  if (count == 0) return 0;
  std::nth_element(known.begin(), known.begin() + count / 2, known.begin() + count);
  return known[count / 2];
}

// Who waits for less: even if `b` had one more, `a` has more under way for its weight. Closer than that the draw decides,
// which knows the weights.
bool clearly_busier(const Standing& a, const Standing& b, Instant now) {
  return uint64_t{a.busy_now()} * b.weight_now(now) > (uint64_t{b.busy_now()} + 1) * a.weight_now(now);
}

bool is_better(const Standing& second, const Standing& first, float seconds, float firsts, Instant now) {
  const auto [low, high] = std::minmax(seconds, firsts);
  if (high - low <= high / 4) return clearly_busier(first, second, now);
  const float both = float(second.weight_now(now) + first.weight_now(now)) / 2;
  const auto cost = [both, now](const Standing& it, float latency) {
    return latency * (1 + float(it.busy_now()) * both / float(it.weight_now(now)));
  };
  return cost(second, seconds) < cost(first, firsts);
}

template <typename Usable>
Standing* of_two(Standings backends, std::span<const uint16_t> order, Random& random, Instant now, Usable&& usable) {
  Standing* const first = draw(backends, order, random, usable);
  if (first == nullptr) return nullptr;
  Standing* const second =
      draw(backends, order, random, [&](const Standing& it) { return &it != first && usable(it); });
  if (second == nullptr) return first;
  float firsts = latency_of(*first, now), seconds = latency_of(*second, now);
  if (firsts == 0 || seconds == 0) {
    const float others = median(backends, now);
    if (firsts == 0) firsts = others;
    if (seconds == 0) seconds = others;
  }
  return is_better(*second, *first, seconds, firsts, now) ? second : first;
}

}  // namespace

Standing* choose_at_random(Standings backends, std::span<const uint16_t> order, Random& random, const Choice& choice) {
  return trusted_first(backends, choice, [&](auto&& usable) { return draw(backends, order, random, usable); });
}

Standing* choose_of_two(Standings backends, std::span<const uint16_t> order, Random& random, const Choice& choice) {
  return trusted_first(backends, choice,
                       [&](auto&& usable) { return of_two(backends, order, random, choice.now, usable); });
}

}  // namespace cardea::l7::upstream
