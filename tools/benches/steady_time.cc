// The loop's best time is this process's, over every figure it took: a core that is never whole is measured against
// itself.
#include "tools/benches/steady_time.h"

#include <rte_cycles.h>

#include <algorithm>

namespace cardea::bench {
namespace {

constexpr double kFullSpeed = 1.15;  // sharing the core costs half as much again; the clock moves by a few percent
uint64_t best_loop = ~uint64_t{0};

double median(std::vector<uint64_t>& values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + long(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return double(*middle);
}

}  // namespace

uint64_t SteadyTime::ticks() {
  return rte_rdtsc_precise();
}

uint64_t SteadyTime::loop_ticks() {
  const uint64_t start = ticks();
  uint64_t a = 1, b = 2, c = 3, d = 4;
  for (int i = 0; i < 600; ++i)
    __asm__ volatile("add $1, %0\n add $1, %1\n add $1, %2\n add $1, %3" : "+r"(a), "+r"(b), "+r"(c), "+r"(d));
  const uint64_t taken = ticks() - start;
  best_loop = std::min(best_loop, taken);
  return taken;
}

void SteadyTime::find_full_speed() {
  const uint64_t end = ticks() + rte_get_tsc_hz() / 2;
  while (ticks() < end) loop_ticks();
}

SteadyTime::Figure SteadyTime::figure() {
  std::vector<uint64_t> all, steady;
  for (const Piece& piece : pieces_) {
    all.push_back(piece.taken);
    if (double(piece.loop) <= double(best_loop) * kFullSpeed) steady.push_back(piece.taken);
  }
  const double to_ns = 1e9 / double(rte_get_tsc_hz());
  Figure figure{.all_nanoseconds = median(all) * to_ns,
                .steady_percent = 100.0 * double(steady.size()) / double(all.size())};
  figure.nanoseconds = steady.empty() ? figure.all_nanoseconds : median(steady) * to_ns;
  pieces_.clear();
  return figure;
}

}  // namespace cardea::bench
