#include "mgmt/metrics/traffic.h"

#include <algorithm>
#include <vector>

#include "mgmt/metrics/labels.h"

namespace cardea::mgmt::metrics {
namespace {

template <typename Pairs>
std::string key_of(std::string_view name, Pairs labels) {
  std::ranges::sort(labels);
  std::string key(name);
  for (const auto& [label, value] : labels) key.append(1, '\0').append(label).append(1, '\0').append(value);
  return key;
}

}  // namespace

void Traffic::add(const stats::Snapshot& snapshot) {
  rows_.reserve(rows_.size() + snapshot.samples.size());
  for (const auto& sample : snapshot.samples)
    if (auto labels = parse_labels(sample.description.labels))
      rows_[key_of(sample.description.name, std::move(*labels))] = {sample.value, sample.sum, sample.count};
}

Traffic Traffic::read(const std::vector<std::string>& paths) {
  Traffic traffic;
  for (const auto& path : paths)
    if (const auto snapshot = stats::read(path)) traffic.add(*snapshot);
  return traffic;
}

std::optional<Traffic::Counted> Traffic::row(std::string_view name, std::vector<Label> labels) const {
  const auto found = rows_.find(key_of(name, std::move(labels)));
  if (found == rows_.end()) return std::nullopt;
  return found->second;
}

std::optional<uint64_t> Traffic::value(std::string_view name, std::vector<Label> labels) const {
  const auto found = row(name, std::move(labels));
  return found ? std::optional(found->value) : std::nullopt;
}

}  // namespace cardea::mgmt::metrics
