#include "base/stats.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <thread>

#include "base/histogram.h"
#include "tests/unit/base/scratch_folder.h"

namespace cardea::stats {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kRefusedName = "cardea_stats_rows_refused_total";

Description counter(std::string name, std::string labels = "") {
  return {Kind::kCounter, std::move(name), "packets", std::move(labels), "Packets of a test."};
}

class StatsTest : public testing::Test {
 protected:
  Segment segment(uint32_t cores, uint32_t rows, uint32_t cells) {
    auto created = Segment::create(path_, cores, rows, cells);
    if (!created) throw std::runtime_error(created.error().message);
    return std::move(*created);
  }
  Snapshot snapshot() const {
    auto result = read(path_);
    if (!result) throw std::runtime_error(result.error().message);
    return std::move(*result);
  }
  // The samples of the segment by name and labels, without its own.
  std::map<std::string, Sample> samples() const {
    std::map<std::string, Sample> result;
    for (auto& sample : snapshot().samples)
      if (sample.description.name != kRefusedName)
        result.emplace(sample.description.name + "{" + sample.description.labels + "}", sample);
    return result;
  }
  uint64_t refused() const {
    for (const auto& sample : snapshot().samples)
      if (sample.description.name == kRefusedName) return sample.value;
    throw std::runtime_error("the segment does not count its refusals");
  }

  ScratchFolder scratch_;
  std::string path_ = scratch_.file("segment");
};

TEST_F(StatsTest, ACounterIsSummedOverCores) {
  Segment stats = segment(3, 10, 100);
  const auto row = stats.add(counter("cardea_test_total", "port=\"wan\""));
  ASSERT_TRUE(row) << row.error().message;
  add(stats.cell(0, *row), 5);
  add(stats.cell(0, *row), 1);
  add(stats.cell(2, *row), 7);
  EXPECT_EQ(stats.cells(2) + stats.cell_index(*row), stats.cell(2, *row));
  EXPECT_EQ(stats.cores(), 3u);

  const Sample sample = samples().at("cardea_test_total{port=\"wan\"}");
  EXPECT_EQ(sample.value, 13u);
  EXPECT_THAT(sample.per_core, ElementsAre(6, 0, 7));
  EXPECT_EQ(sample.description.kind, Kind::kCounter);
  EXPECT_EQ(sample.description.unit, "packets");
  EXPECT_EQ(sample.description.help, "Packets of a test.");
  EXPECT_TRUE(sample.buckets.empty());
}

TEST_F(StatsTest, AGaugeMayBeNegativeOverAll) {
  Segment stats = segment(2, 4, 8);
  const auto row = stats.add({Kind::kGauge, "cardea_flows", "flows", "", "Live flows."});
  set(stats.cell(0, *row), 10);
  set(stats.cell(1, *row), uint64_t(-25));  // closed more than it opened: they came over from core 0
  EXPECT_EQ(int64_t(samples().at("cardea_flows{}").value), -15);
}

TEST_F(StatsTest, HistogramBucketsHaveRoundBounds) {
  Segment stats = segment(2, 4, 100);
  const auto row = stats.add({Kind::kHistogram, "cardea_wait_seconds", "seconds", "", "Waits."});
  for (const uint64_t value :
       {uint64_t{0}, uint64_t{1}, uint64_t{2}, uint64_t{3}, uint64_t{5}, uint64_t{6}, uint64_t{10},
        uint64_t{2'000'000'000'000}, uint64_t{2'000'000'000'001}, uint64_t{1} << 60})
    observe(stats.cell(value % 2, *row), value);
  const Sample sample = samples().at("cardea_wait_seconds{}");
  ASSERT_EQ(sample.buckets.size(), kHistogramBuckets);
  EXPECT_EQ(sample.buckets[0], 1u) << "0";
  EXPECT_EQ(sample.buckets[1], 1u) << "1";
  EXPECT_EQ(sample.buckets[2], 1u) << "2";
  EXPECT_EQ(sample.buckets[3], 2u) << "3, 5";
  EXPECT_EQ(sample.buckets[4], 2u) << "6, 10";
  EXPECT_EQ(sample.buckets[kHistogramBuckets - 2], 1u) << "the last bound itself";
  EXPECT_EQ(sample.buckets[kHistogramBuckets - 1], 2u) << "all above";
  EXPECT_EQ(sample.count, 10u);
  EXPECT_EQ(sample.sum, 27 + 4'000'000'000'001 + (uint64_t{1} << 60));
}

TEST(Histogram, EachBoundIsTheLastOfItsBucket) {
  for (uint32_t i = 0; i < kHistogramBounds.size(); ++i) {
    EXPECT_EQ(bucket_of(kHistogramBounds[i]), i);
    EXPECT_EQ(bucket_of(kHistogramBounds[i] + 1), i + 1);
  }
  EXPECT_EQ(bucket_of(UINT64_MAX), kHistogramBuckets - 1);
  EXPECT_EQ(kHistogramBounds[7], 100u);
  EXPECT_EQ(kHistogramBounds.back(), 2'000'000'000'000u);
}

TEST_F(StatsTest, TheSameDescriptionIsTheSameRow) {
  Segment stats = segment(1, 4, 4);
  const auto row = stats.add(counter("cardea_test_total", "a=\"1\""));
  EXPECT_EQ(stats.add(counter("cardea_test_total", "a=\"1\"")), *row);
  EXPECT_NE(stats.add(counter("cardea_test_total", "a=\"2\"")), *row);
  const auto other = stats.add({Kind::kGauge, "cardea_test_total", "", "a=\"1\"", ""});
  ASSERT_FALSE(other);
  EXPECT_THAT(other.error().message, HasSubstr("of another kind"));
}

TEST_F(StatsTest, ARemovedRowIsGoneAndItsPlaceStartsAtZero) {
  Segment stats = segment(2, 2, 2);
  const auto first = stats.add(counter("cardea_first_total"));
  const auto second = stats.add(counter("cardea_second_total"));
  add(stats.cell(1, *first), 99);
  add(stats.cell(1, *second), 1);
  stats.remove(*first);
  EXPECT_EQ(samples().size(), 1u);
  const auto third = stats.add({Kind::kGauge, "cardea_third", "", "", ""});
  ASSERT_TRUE(third) << third.error().message;
  EXPECT_EQ(samples().at("cardea_third{}").value, 0u);
  EXPECT_EQ(samples().at("cardea_second_total{}").value, 1u);
  const auto again = stats.add(counter("cardea_first_total"));
  EXPECT_FALSE(again) << "its room was given away";
}

TEST_F(StatsTest, RemovedHistogramsGiveTheirCellsToHistograms) {
  Segment stats = segment(1, 3, kHistogramCells + 1);
  for (int i = 0; i < 100; ++i) {
    const auto row =
        stats.add({Kind::kHistogram, "cardea_wait_seconds", "seconds", "n=\"" + std::to_string(i) + "\"", ""});
    ASSERT_TRUE(row) << row.error().message;
    observe(stats.cell(0, *row), 3);
    EXPECT_EQ(samples().begin()->second.count, 1u);
    stats.remove(*row);
  }
}

TEST_F(StatsTest, AFullTableIsAnErrorAndCounted) {
  Segment rows = segment(2, 2, 100);
  EXPECT_TRUE(rows.add(counter("cardea_a_total")));
  EXPECT_TRUE(rows.add(counter("cardea_b_total")));
  EXPECT_EQ(refused(), 0u);
  const auto third = rows.add(counter("cardea_c_total"));
  ASSERT_FALSE(third);
  EXPECT_THAT(third.error().message, HasSubstr("2 rows and 100 cells"));
  EXPECT_EQ(refused(), 1u);

  Segment cells = segment(2, 100, kHistogramCells - 1);
  EXPECT_FALSE(cells.add({Kind::kHistogram, "cardea_wait_seconds", "", "", ""}));
  EXPECT_EQ(refused(), 1u);
  EXPECT_TRUE(cells.add(counter("cardea_a_total"))) << "a smaller one still fits";
}

TEST_F(StatsTest, DescriptionsThatDoNotFitAreRefused) {
  Segment stats = segment(1, 10, 10);
  EXPECT_TRUE(stats.add(counter(std::string(95, 'a'))));
  for (const auto& bad : {counter(std::string(96, 'a')), counter(""), counter("9lives"), counter("with space"),
                          counter("Upper"), counter("cardea_x_total", std::string(224, 'l')),
                          Description{Kind::kGauge, "cardea_x", std::string(16, 'u'), "", ""},
                          Description{Kind::kGauge, "cardea_x", "", "", std::string(160, 'h')}})
    EXPECT_FALSE(stats.add(bad)) << bad.name;
  EXPECT_EQ(refused(), 8u);
}

TEST_F(StatsTest, LimitsOfCreation) {
  EXPECT_FALSE(Segment::create(path_, 0, 10, 10));
  EXPECT_FALSE(Segment::create(path_, 5000, 10, 10));
  EXPECT_FALSE(Segment::create(scratch_.file("no/such/folder"), 1, 10, 10));
  EXPECT_TRUE(std::filesystem::is_empty(std::filesystem::path(path_).parent_path()))
      << "nothing half-made stays behind";
}

TEST_F(StatsTest, GenerousLimitsTakeNoMemoryUntilTheyAreUsed) {
  Segment segment = Segment::create(path_, 4, 500'000, 8'000'000).value();
  struct stat file{};
  ASSERT_EQ(::stat(path_.c_str(), &file), 0);
  const auto before = file.st_blocks;
  EXPECT_LT(before * 512, 1 << 20);
  for (int i = 0; i < 2000; ++i)
    ASSERT_TRUE(segment.add({Kind::kHistogram, "many", "", "n=\"" + std::to_string(i) + "\"", ""}));
  ASSERT_EQ(::stat(path_.c_str(), &file), 0);
  EXPECT_GT(file.st_blocks, before);
  for (uint32_t core = 0; core < 4; ++core)
    for (uint32_t row = 1; row <= 2000; ++row) observe(segment.cell(core, row), row);
  const auto snapshot = read(path_);
  ASSERT_TRUE(snapshot) << snapshot.error().message;
  EXPECT_EQ(snapshot->samples.size(), 2001u);
  EXPECT_EQ(snapshot->samples.back().sum, 4u * 2000);
}

TEST_F(StatsTest, ANewSegmentReplacesTheFileAndLeavesOldMappingsAlone) {
  Segment old = segment(1, 4, 4);
  const auto row = old.add(counter("cardea_old_total"));
  const uint64_t started = snapshot().started_at;
  Segment fresh = segment(1, 4, 4);
  add(old.cell(0, *row), 1);
  EXPECT_TRUE(samples().empty());
  EXPECT_GT(snapshot().started_at, started);
  EXPECT_EQ(snapshot().writer_pid, uint32_t(::getpid()));
}

TEST_F(StatsTest, TheLastValuesStayReadable) {
  {
    Segment stats = segment(1, 4, 4);
    add(stats.cell(0, *stats.add(counter("cardea_test_total"))), 4);
  }
  EXPECT_EQ(samples().at("cardea_test_total{}").value, 4u);
}

class DamagedStats : public StatsTest {
 protected:
  DamagedStats() {
    Segment stats = segment(2, 4, 200);
    stats.add({Kind::kHistogram, "cardea_wait_seconds", "seconds", "", ""}).value();
    std::ifstream file(path_, std::ios::binary);
    good_.assign(std::istreambuf_iterator<char>(file), {});
    std::memcpy(&rows_offset_, good_.data() + offsetof(Header, rows_offset), 8);
  }
  void write(const std::string& bytes) const { std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes; }

  template <typename T>
  std::string with(size_t offset, T value) const {
    std::string bytes = good_;
    std::memcpy(bytes.data() + offset, &value, sizeof value);
    return bytes;
  }

  std::string good_;
  uint64_t rows_offset_ = 0;
};

TEST_F(DamagedStats, MissingEmptyAndForeignFiles) {
  EXPECT_THAT(read(scratch_.file("none")).error().message, HasSubstr("No such file"));
  EXPECT_FALSE(read("/dev/null"));
  EXPECT_FALSE(read(std::filesystem::temp_directory_path()));
  write("");
  EXPECT_FALSE(read(path_));
  write(std::string(100'000, 'x'));
  EXPECT_THAT(read(path_).error().message, HasSubstr("not a stats segment"));
}

TEST_F(DamagedStats, TruncatedAnywhere) {
  write(good_);
  ASSERT_TRUE(read(path_));
  for (size_t size = 0; size < good_.size(); size += 61) {
    write(good_.substr(0, size));
    ASSERT_FALSE(read(path_)) << size << " of " << good_.size();
  }
}

TEST_F(DamagedStats, OffsetsAndCountsOutOfRange) {
  constexpr uint32_t kHuge = 0xffffffff;
  constexpr uint64_t kFar = ~uint64_t{0} - 63;  // a multiple of 64, so that only the range is wrong
  for (const auto& [what, bytes] : std::map<std::string, std::string>{
           {"magic", with(offsetof(Header, magic), uint64_t{1})},
           {"layout", with(offsetof(Header, layout_version), uint32_t{77})},
           {"cores", with(offsetof(Header, cores), kHuge)},
           {"rows_max", with(offsetof(Header, rows_max), kHuge)},
           {"cells_max", with(offsetof(Header, cells_max), kHuge)},
           {"rows_offset far", with(offsetof(Header, rows_offset), kFar)},
           {"rows_offset in the header", with(offsetof(Header, rows_offset), uint64_t{0})},
           {"rows_offset crooked", with(offsetof(Header, rows_offset), rows_offset_ + 1)},
           {"cells_offset", with(offsetof(Header, cells_offset), kFar)},
           {"core_stride", with(offsetof(Header, core_stride), kFar)},
           {"core_stride small", with(offsetof(Header, core_stride), uint64_t{64})},
           {"rows_used", with(offsetof(Header, rows_used), kHuge)},
           {"kind", with(rows_offset_ + sizeof(Row) + offsetof(Row, kind), uint8_t{9})},
           {"cell", with(rows_offset_ + sizeof(Row) + offsetof(Row, cell), uint32_t{190})},
           {"cell far", with(rows_offset_ + sizeof(Row) + offsetof(Row, cell), kHuge)},
       }) {
    write(bytes);
    EXPECT_FALSE(read(path_)) << what;
  }
}

TEST_F(DamagedStats, ARowItsWriterDiedInIsLeftOut) {
  write(with(rows_offset_ + sizeof(Row) + offsetof(Row, generation), uint32_t{3}));
  EXPECT_TRUE(samples().empty());
}

TEST_F(DamagedStats, TextsWithoutAnEndAreCut) {
  std::string bytes = good_;
  std::memset(bytes.data() + rows_offset_ + sizeof(Row) + offsetof(Row, help), 'h', sizeof(Row::help));
  write(bytes);
  EXPECT_EQ(samples().begin()->second.description.help, std::string(sizeof(Row::help), 'h'));
}

// A row's values always belong to its name: the writer gives each row the number in its name and rows come and go.
TEST_F(StatsTest, AReaderNeverMixesTwoRows) {
  Segment stats = segment(2, 8, 8);
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    for (uint64_t i = 1; !stop; ++i) {
      const auto row = stats.add(counter("cardea_test_total", "n=\"" + std::to_string(i) + "\"")).value();
      set(stats.cell(0, row), i);
      std::this_thread::yield();
      stats.remove(row);
    }
  });
  size_t seen = 0;
  for (int i = 0; i < 3000; ++i)
    for (const auto& sample : snapshot().samples)
      if (const auto& labels = sample.description.labels; !labels.empty() && sample.value != 0) {
        EXPECT_EQ(labels, "n=\"" + std::to_string(sample.value) + "\"");
        ++seen;
      }
  stop = true;
  writer.join();
  EXPECT_GT(seen, 0u);
}

}  // namespace
}  // namespace cardea::stats
