#include "mgmt/metrics/segment_families.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "mgmt/metrics/labels.h"
#include "mgmt/metrics/traffic.h"

namespace cardea::mgmt::metrics {
namespace {

using stats::Kind;

stats::Sample sample(Kind kind, const std::string& name, const std::string& labels, std::vector<uint64_t> per_core) {
  stats::Sample made{{kind, name, "", labels, "Help"}, 0, per_core, {}, 0, 0};
  for (const uint64_t value : per_core) made.value += value;
  return made;
}

std::vector<prometheus::MetricFamily> families_of(std::vector<stats::Sample> samples, std::vector<uint16_t> cpus = {}) {
  std::vector<Source> sources(1);
  sources[0].process = "dataplane";
  sources[0].snapshot.samples = std::move(samples);
  sources[0].cpus = std::move(cpus);
  return segment_families(sources);
}

const prometheus::MetricFamily* find(const std::vector<prometheus::MetricFamily>& families, const std::string& name) {
  const auto found = std::ranges::find(families, name, &prometheus::MetricFamily::name);
  return found == families.end() ? nullptr : &*found;
}

TEST(Labels, AreTakenApart) {
  const auto labels = parse_labels(R"(pool="web",backend="[2001:db8::1]:80",odd="a\"b\\c\nd")");
  ASSERT_TRUE(labels);
  EXPECT_EQ(*labels, (Labels{{"pool", "web"}, {"backend", "[2001:db8::1]:80"}, {"odd", "a\"b\\c\nd"}}));
  EXPECT_EQ(parse_labels("")->size(), 0u);
  for (const char* malformed : {"pool", "pool=", "pool=\"a", "=\"a\"", "a=\"b\"c=\"d\"", "a=\"b\\"})
    EXPECT_FALSE(parse_labels(malformed)) << malformed;
}

TEST(SegmentFamilies, GatherRowsOfOneNameAndSumCores) {
  const auto families = families_of({sample(Kind::kCounter, "cardea_drops_total", "reason=\"martian_source\"", {1, 2}),
                                     sample(Kind::kGauge, "cardea_flows", "", {5, uint64_t(-2)}),
                                     sample(Kind::kCounter, "cardea_drops_total", "reason=\"no_route\"", {0, 4})});
  ASSERT_EQ(families.size(), 2u);
  const auto* drops = find(families, "cardea_drops_total");
  ASSERT_NE(drops, nullptr);
  EXPECT_EQ(drops->type, prometheus::MetricType::Counter);
  ASSERT_EQ(drops->metric.size(), 2u);
  EXPECT_EQ(drops->metric[0].counter.value, 3);
  EXPECT_EQ(drops->metric[1].label[0].value, "no_route");
  EXPECT_EQ(find(families, "cardea_flows")->metric[0].gauge.value, 3);
}

TEST(SegmentFamilies, ServicesWhoseFlowsAreAnothersHaveNoRowsOfThem) {
  Source source{.process = "dataplane", .snapshot = {}};
  for (const char* name : {"cardea_service_flows_total", "cardea_service_flows", "cardea_service_packets_total"})
    for (const char* service : {"service=\"shop\"", "service=\"dns\""})
      source.snapshot.samples.push_back(sample(Kind::kCounter, name, service, {0}));
  source.flowless = {"shop"};
  const auto families = segment_families({&source, 1});
  EXPECT_EQ(find(families, "cardea_service_packets_total")->metric.size(), 2u) << "their packets are counted";
  for (const char* name : {"cardea_service_flows_total", "cardea_service_flows"}) {
    ASSERT_EQ(find(families, name)->metric.size(), 1u) << name;
    EXPECT_EQ(find(families, name)->metric[0].label[0].value, "dns");
  }
}

TEST(SegmentFamilies, CoresHaveARowEachInSeconds) {
  const auto families =
      families_of({sample(Kind::kCounter, "cardea_core_busy_nanoseconds_total", "", {2'000'000'000, 500'000'000, 7}),
                   sample(Kind::kCounter, "cardea_l7_shard_busy_nanoseconds_total", "", {1'000'000'000, 0, 7})},
                  {4, 6});
  EXPECT_EQ(find(families, "cardea_l7_shard_busy_seconds_total")->metric.size(), 2u);
  const auto* busy = find(families, "cardea_core_busy_seconds_total");
  ASSERT_NE(busy, nullptr);
  ASSERT_EQ(busy->metric.size(), 2u) << "the control thread's core has none";
  EXPECT_DOUBLE_EQ(busy->metric[0].counter.value, 2.0);
  EXPECT_EQ(busy->metric[1].label[0].name, "core");
  EXPECT_EQ(busy->metric[1].label[0].value, "6");
}

TEST(SegmentFamilies, HistogramsAreCumulativeInBaseUnits) {
  auto row = sample(Kind::kHistogram, "cardea_wait_nanoseconds", "", {});
  row.buckets.assign(stats::kHistogramBuckets, 0);
  row.buckets[0] = 1;                             // 0 ns
  row.buckets[10] = 2;                            // 501 … 1000 ns
  row.buckets[stats::kHistogramBuckets - 1] = 4;  // beyond
  row.count = 7, row.sum = 1000;
  const auto families = families_of({row});
  const auto& histogram = find(families, "cardea_wait_seconds")->metric[0].histogram;
  EXPECT_EQ(histogram.sample_count, 7u);
  EXPECT_DOUBLE_EQ(histogram.sample_sum, 1e-6);
  ASSERT_EQ(histogram.bucket.size(), stats::kHistogramBuckets - 1);
  EXPECT_EQ(histogram.bucket[0].cumulative_count, 1u);
  EXPECT_EQ(histogram.bucket[9].cumulative_count, 1u);
  EXPECT_DOUBLE_EQ(histogram.bucket[10].upper_bound, 1e-6);
  EXPECT_EQ(histogram.bucket.back().cumulative_count, 3u) << "what lies beyond is in +Inf alone";
}

TEST(SegmentFamilies, DurationsOfRequestsHaveTheBucketsThatRequestsNeed) {
  auto row = sample(Kind::kHistogram, "cardea_l7_service_request_duration_microseconds", "service=\"shop\"", {});
  row.buckets.assign(stats::kHistogramBuckets, 0);
  auto idle = row;
  idle.description.labels = "service=\"idle\"";
  row.buckets[3] = 5, row.buckets[10] = 2, row.buckets[30] = 1;
  row.count = 8, row.sum = 2'000'000;
  const auto families = families_of({row, idle});
  const auto* family = find(families, "cardea_l7_service_request_duration_seconds");
  ASSERT_NE(family, nullptr);
  ASSERT_EQ(family->metric.size(), 1u) << "what measured nothing yet is left out";
  const auto& histogram = family->metric[0].histogram;
  EXPECT_DOUBLE_EQ(histogram.sample_sum, 2);
  EXPECT_DOUBLE_EQ(histogram.bucket.front().upper_bound, 50e-6);
  EXPECT_EQ(histogram.bucket.front().cumulative_count, 5u);
  EXPECT_EQ(histogram.bucket.back().cumulative_count, 7u);
  EXPECT_LT(histogram.bucket.size(), 25u);
}

TEST(SegmentFamilies, RowsOfBothProcessesMeetInOneFamily) {
  std::vector<Source> sources(2);
  sources[0].process = "dataplane";
  sources[1].process = "l7";
  for (auto& source : sources)
    source.snapshot.samples = {sample(Kind::kCounter, "cardea_stats_rows_refused_total", "", {1})};
  const auto families = segment_families(sources);
  ASSERT_EQ(families.size(), 1u);
  ASSERT_EQ(families[0].metric.size(), 2u);
  EXPECT_EQ(families[0].metric[1].label[0].value, "l7");
}

TEST(Traffic, FindsRowsWhateverTheOrderOfLabels) {
  stats::Snapshot snapshot;
  snapshot.samples = {sample(Kind::kCounter, "cardea_backend_packets_total",
                             R"(pool="web",backend="10.0.0.1:80",direction="in")", {3, 4})};
  const Traffic traffic(snapshot);
  EXPECT_EQ(
      traffic.value("cardea_backend_packets_total", {{"direction", "in"}, {"backend", "10.0.0.1:80"}, {"pool", "web"}}),
      7u);
  EXPECT_FALSE(traffic.value("cardea_backend_packets_total", {{"pool", "web"}}));
}

}  // namespace
}  // namespace cardea::mgmt::metrics
