#pragma once

namespace cardea::bench {
// maglev.build, maglev.excess and maglev.imbalance for 65537 slots and 1000 backends.
void print_maglev_figures();
}  // namespace cardea::bench
