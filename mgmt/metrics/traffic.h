// What the dataplane counted, looked up by metric name and labels: one reading of its stats segment.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/stats.h"

namespace cardea::mgmt::metrics {

class Traffic {
 public:
  explicit Traffic(const stats::Snapshot& snapshot);
  static Traffic read(const std::string& path);  // an empty one when there is no segment to read

  using Label = std::pair<std::string_view, std::string_view>;
  // Nothing: the dataplane does not count this, or not yet.
  std::optional<uint64_t> value(std::string_view name, std::initializer_list<Label> labels) const;

 private:
  Traffic() = default;
  std::unordered_map<std::string, uint64_t> values_;  // by name and sorted labels
};

}  // namespace cardea::mgmt::metrics
