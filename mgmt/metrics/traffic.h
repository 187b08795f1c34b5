// What the processes counted, looked up by metric name and labels: one reading of their stats segments.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/stats.h"

namespace cardea::mgmt::metrics {

class Traffic {
 public:
  struct Counted {
    uint64_t value = 0;           // of counters and gauges
    uint64_t sum = 0, count = 0;  // of histograms
  };

  Traffic() = default;
  explicit Traffic(const stats::Snapshot& snapshot) { add(snapshot); }
  static Traffic read(const std::vector<std::string>& paths);  // without those that are not there to be read

  using Label = std::pair<std::string_view, std::string_view>;
  // Nothing: the processes do not count this, or not yet.
  std::optional<Counted> row(std::string_view name, std::vector<Label> labels) const;
  std::optional<uint64_t> value(std::string_view name, std::vector<Label> labels) const;

 private:
  void add(const stats::Snapshot& snapshot);

  std::unordered_map<std::string, Counted> rows_;  // by name and sorted labels
};

}  // namespace cardea::mgmt::metrics
