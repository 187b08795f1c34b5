// What was lost and which limits were reached since the processes began: packets, connections, lines that nobody got,
// what gave way for others, and what this host could not do. One row a kind, so that a screen shows at a glance what
// would else stand in a metric nobody looks at. Whoever adds a counter says in losses.cc that it counts a loss, or in
// the test beside it that it does not.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mgmt/health/checker.h"

namespace cardea::mgmt::metrics {

struct Loss {
  std::string what;    // "packets dropped"
  std::string detail;  // the reason, the port or the service; empty: none
  uint64_t count = 0;
  bool operator==(const Loss&) const = default;
};

// A counter whose every step is a loss.
struct LossKind {
  std::string_view metric, what;
  std::string_view label = {};  // its value is the detail
};
std::span<const LossKind> loss_kinds();

// Of the stats segments at these paths, those that are not there left out, and of the health checks; only what
// happened, most frequent first.
std::vector<Loss> losses(const std::vector<std::string>& paths, const health::Counters& checks);

}  // namespace cardea::mgmt::metrics
