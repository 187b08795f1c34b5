#include "mgmt/metrics/segment_families.h"

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <string_view>

#include "base/histogram.h"
#include "mgmt/metrics/labels.h"

namespace cardea::mgmt::metrics {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

// How a unit becomes the base unit, and which of a histogram's buckets are shown: each is a line for each row that has
// the histogram, so what is below and above what such a row measures is left to the first and to +Inf.
struct Scale {
  std::string_view unit_in_name, base_unit;
  double parts;  // of the unit in a base unit: a division by it leaves round numbers round
  size_t first_bucket, last_bucket;
};
constexpr size_t kLastBucket = stats::kHistogramBounds.size() - 1;  // the one after it has no upper bound
constexpr Scale kBase{"", "", 1.0, 0, kLastBucket};
constexpr std::array kScales{Scale{"_nanoseconds", "_seconds", 1e9, 0, kLastBucket},
                             Scale{"_microseconds", "_seconds", 1e6, 6, 25}};  // 50 µs to 100 s

MetricType type_of(stats::Kind kind) {
  switch (kind) {
    case stats::Kind::kCounter:
      return MetricType::Counter;
    case stats::Kind::kGauge:
      return MetricType::Gauge;
    case stats::Kind::kHistogram:
      return MetricType::Histogram;
  }
  return MetricType::Untyped;
}

std::pair<std::string, Scale> in_base_units(std::string name) {
  for (const Scale& scale : kScales)
    if (const size_t at = name.find(scale.unit_in_name); at != name.npos)
      return {name.replace(at, scale.unit_in_name.size(), scale.base_unit), scale};
  return {std::move(name), kBase};
}

ClientMetric::Histogram histogram(const stats::Sample& sample, const Scale& scale) {
  ClientMetric::Histogram to;
  to.sample_count = sample.count;
  to.sample_sum = double(sample.sum) / scale.parts;
  uint64_t cumulative = 0;
  for (size_t i = 0; i <= scale.last_bucket && i < sample.buckets.size(); ++i) {
    cumulative += sample.buckets[i];
    if (i >= scale.first_bucket) to.bucket.push_back({cumulative, double(stats::kHistogramBounds[i]) / scale.parts});
  }
  return to;
}

void set_value(ClientMetric& metric, const stats::Sample& sample, uint64_t value, const Scale& scale) {
  switch (sample.description.kind) {
    case stats::Kind::kCounter:
      metric.counter.value = double(value) / scale.parts;
      break;
    case stats::Kind::kGauge:
      metric.gauge.value = double(int64_t(value)) / scale.parts;
      break;
    case stats::Kind::kHistogram:
      metric.histogram = histogram(sample, scale);
      break;
  }
}

ClientMetric with_labels(const Labels& labels) {
  ClientMetric metric;
  for (const auto& [name, value] : labels) metric.label.push_back({name, value});
  return metric;
}

void add_per_core(MetricFamily& family, const stats::Sample& sample, const Labels& labels, const Scale& scale,
                  std::span<const uint16_t> cpus) {
  for (size_t core = 0; core < std::min(cpus.size(), sample.per_core.size()); ++core) {
    auto metric = with_labels(labels);
    metric.label.push_back({"core", std::to_string(cpus[core])});
    set_value(metric, sample, sample.per_core[core], scale);
    family.metric.push_back(std::move(metric));
  }
}

bool is_per_core(std::string_view name) {
  return name.starts_with("cardea_core_") || name.starts_with("cardea_l7_shard_");
}

// Nothing was measured yet: 10,000 idle backends would be 200,000 lines.
bool is_empty_histogram(const stats::Sample& sample) {
  return sample.description.kind == stats::Kind::kHistogram && sample.count == 0;
}

// Connections of tcp and http services cross the dataplane as packets for the host: rows of their flows would be zeros
// for ever.
bool is_flow_of_none(const stats::Sample& sample, const Labels& labels, const Source& source) {
  if (!sample.description.name.starts_with("cardea_service_flows")) return false;
  return std::ranges::any_of(
      labels, [&](const auto& label) { return label.first == "service" && source.flowless.contains(label.second); });
}

void add_row(std::map<std::string, MetricFamily>& families, const stats::Sample& sample, const Source& source) {
  auto labels = parse_labels(sample.description.labels);
  if (!labels || is_empty_histogram(sample) || is_flow_of_none(sample, *labels, source)) return;
  const auto [name, scale] = in_base_units(sample.description.name);
  if (name.starts_with("cardea_stats_")) labels->emplace_back("process", source.process);
  auto& family = families[name];
  if (family.name.empty()) family = {name, sample.description.help, type_of(sample.description.kind), {}};
  if (is_per_core(name)) return add_per_core(family, sample, *labels, scale, source.cpus);
  auto metric = with_labels(*labels);
  set_value(metric, sample, sample.value, scale);
  family.metric.push_back(std::move(metric));
}

}  // namespace

std::vector<MetricFamily> segment_families(std::span<const Source> sources) {
  std::map<std::string, MetricFamily> families;  // rows of one name may stand anywhere in the tables
  for (const Source& source : sources)
    for (const auto& sample : source.snapshot.samples) add_row(families, sample, source);
  std::vector<MetricFamily> in_order;
  for (auto& [name, family] : families)
    if (!family.metric.empty()) in_order.push_back(std::move(family));
  return in_order;
}

}  // namespace cardea::mgmt::metrics
