#include "mgmt/metrics/segment_families.h"

#include <map>
#include <string>
#include <string_view>

#include "mgmt/metrics/labels.h"

namespace cardea::mgmt::metrics {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

struct Scale {
  std::string_view unit_in_name, base_unit;
  double factor;
};
constexpr Scale kNanoseconds{"_nanoseconds", "_seconds", 1e-9};

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

// The name in base units and what to multiply values with.
std::pair<std::string, double> in_base_units(const std::string& name) {
  const size_t at = name.find(kNanoseconds.unit_in_name);
  if (at == name.npos) return {name, 1.0};
  std::string base = name;
  base.replace(at, kNanoseconds.unit_in_name.size(), kNanoseconds.base_unit);
  return {base, kNanoseconds.factor};
}

// Bucket i holds whole numbers below 2^i, so at most 2^i - 1; the last one has no upper bound and is +Inf alone.
ClientMetric::Histogram histogram(const stats::Sample& sample, double factor) {
  ClientMetric::Histogram to;
  to.sample_count = sample.count;
  to.sample_sum = double(sample.sum) * factor;
  uint64_t cumulative = 0;
  for (size_t i = 0; i + 1 < sample.buckets.size(); ++i) {
    cumulative += sample.buckets[i];
    to.bucket.push_back({cumulative, double((uint64_t{1} << i) - 1) * factor});
  }
  return to;
}

void set_value(ClientMetric& metric, const stats::Sample& sample, uint64_t value, double factor) {
  switch (sample.description.kind) {
    case stats::Kind::kCounter:
      metric.counter.value = double(value) * factor;
      break;
    case stats::Kind::kGauge:
      metric.gauge.value = double(int64_t(value)) * factor;
      break;
    case stats::Kind::kHistogram:
      metric.histogram = histogram(sample, factor);
      break;
  }
}

ClientMetric with_labels(const Labels& labels) {
  ClientMetric metric;
  for (const auto& [name, value] : labels) metric.label.push_back({name, value});
  return metric;
}

void add_per_core(MetricFamily& family, const stats::Sample& sample, const Labels& labels, double factor,
                  std::span<const uint16_t> cpus) {
  for (size_t core = 0; core < std::min(cpus.size(), sample.per_core.size()); ++core) {
    auto metric = with_labels(labels);
    metric.label.push_back({"core", std::to_string(cpus[core])});
    set_value(metric, sample, sample.per_core[core], factor);
    family.metric.push_back(std::move(metric));
  }
}

}  // namespace

std::vector<MetricFamily> segment_families(const stats::Snapshot& snapshot, std::span<const uint16_t> cpus) {
  std::map<std::string, MetricFamily> families;  // rows of one name may stand anywhere in the table
  for (const auto& sample : snapshot.samples) {
    const auto labels = parse_labels(sample.description.labels);
    if (!labels) continue;
    const auto [name, factor] = in_base_units(sample.description.name);
    auto& family = families[name];
    if (family.name.empty()) family = {name, sample.description.help, type_of(sample.description.kind), {}};
    if (name.starts_with("cardea_core_")) {
      add_per_core(family, sample, *labels, factor, cpus);
    } else {
      auto metric = with_labels(*labels);
      set_value(metric, sample, sample.value, factor);
      family.metric.push_back(std::move(metric));
    }
  }
  std::vector<MetricFamily> in_order;
  for (auto& [name, family] : families)
    if (!family.metric.empty()) in_order.push_back(std::move(family));
  return in_order;
}

}  // namespace cardea::mgmt::metrics
