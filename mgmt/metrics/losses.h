// What was lost and which limits were reached since the processes began: packets, connections, lines that nobody got,
// and what gave way for others. One row a kind, so that a screen shows at a glance what would else stand in a metric
// nobody looks at.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace cardea::mgmt::metrics {

struct Loss {
  std::string what;    // "packets dropped"
  std::string detail;  // the reason, the port or the service; empty: none
  uint64_t count = 0;
  bool operator==(const Loss&) const = default;
};

// Of the stats segments at these paths, those that are not there left out; only what happened, most frequent first.
std::vector<Loss> losses(const std::vector<std::string>& paths);

}  // namespace cardea::mgmt::metrics
