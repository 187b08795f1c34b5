// The ring's figures beside those of the packet line: how long building takes, how many slots move needlessly when a
// backend fails, how even the shares are. Printed as tools/bench prints everything: one JSON object a line.
#pragma once

namespace cardea::bench {
// maglev.build, maglev.excess and maglev.imbalance for 65537 slots and 1000 backends.
void print_maglev_figures();
}  // namespace cardea::bench
