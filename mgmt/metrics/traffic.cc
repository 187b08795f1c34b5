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

Traffic::Traffic(const stats::Snapshot& snapshot) {
  values_.reserve(snapshot.samples.size());
  for (const auto& sample : snapshot.samples)
    if (auto labels = parse_labels(sample.description.labels))
      values_[key_of(sample.description.name, std::move(*labels))] = sample.value;
}

Traffic Traffic::read(const std::string& path) {
  const auto snapshot = stats::read(path);
  return snapshot ? Traffic(*snapshot) : Traffic();
}

std::optional<uint64_t> Traffic::value(std::string_view name, std::initializer_list<Label> labels) const {
  const auto found = values_.find(key_of(name, std::vector<Label>(labels)));
  if (found == values_.end()) return std::nullopt;
  return found->second;
}

}  // namespace cardea::mgmt::metrics
