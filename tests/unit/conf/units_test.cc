#include "conf/units.h"

#include <gtest/gtest.h>

namespace cardea::conf {
namespace {

using namespace std::chrono_literals;

TEST(Units, DurationsAreRead) {
  EXPECT_EQ(*parse_duration("2s"), 2s);
  EXPECT_EQ(*parse_duration("500ms"), 500ms);
  EXPECT_EQ(*parse_duration("1m30s"), 90s);
  EXPECT_EQ(*parse_duration("1h1ms"), 1h + 1ms);
  EXPECT_EQ(*parse_duration("0s"), 0s);
  EXPECT_EQ(*parse_duration("9007199254740992ms"), std::chrono::milliseconds(uint64_t{1} << 53));
}

TEST(Units, BadDurationsAreRefusedWithTheReason) {
  const std::pair<const char*, const char*> rows[] = {{"", "does not begin with a number"},
                                                      {"s", "does not begin with a number"},
                                                      {"-1s", "does not begin with a number"},
                                                      {"2", "has no unit"},
                                                      {"2 s", "where a unit should be"},
                                                      {"2sec", "unknown unit \"sec\""},
                                                      {"1.5s", "has a fraction"},
                                                      {"1s1m", "out of order"},
                                                      {"1s1s", "out of order"},
                                                      {"99999999999999999999s", "too large"},
                                                      {"18446744073709551615h", "too large"},
                                                      {"9007199254740993ms", "too large"},
                                                      {"9007199254740s993ms", "too large"}};
  for (const auto& [text, reason] : rows) {
    const auto duration = parse_duration(text);
    ASSERT_FALSE(duration) << text;
    EXPECT_NE(duration.error().message.find(reason), std::string::npos) << duration.error().message;
  }
}

TEST(Units, ARangeIsItsNumbers) {
  EXPECT_EQ(range_meant("0-3"), "[0, 1, 2, 3]");
  EXPECT_EQ(range_meant("0-15").substr(0, 7), "[0, 1, ");
  for (const char* none : {"", "3", "3-", "-3", "3-3", "4-3", "0-16", "0-3 ", "0-99999999999"})
    EXPECT_EQ(range_meant(none), "") << none;
}

TEST(Units, SizesKnowBothPowers) {
  EXPECT_EQ(*parse_size("64MB"), 64'000'000u);
  EXPECT_EQ(*parse_size("4GiB"), 4ull << 30);
  EXPECT_EQ(*parse_size("1kB"), 1000u);
  EXPECT_EQ(*parse_size("17B"), 17u);
  EXPECT_FALSE(parse_size("64"));
  EXPECT_FALSE(parse_size("64MBs"));
  EXPECT_FALSE(parse_size("17000000TiB"));
}

TEST(Units, CountsMayBePlain) {
  EXPECT_EQ(*parse_count("10M"), 10'000'000u);
  EXPECT_EQ(*parse_count("500k"), 500'000u);
  EXPECT_EQ(*parse_count("7"), 7u);
  EXPECT_FALSE(parse_count("10X"));
  EXPECT_FALSE(parse_count("10M5"));
}

TEST(Units, WhatIsWrittenReadsBack) {
  for (uint64_t value : {0ull, 1ull, 999ull, 1000ull, 1024ull, 60'000ull, 86'400'000ull, 1'500'000ull, 1ull << 40}) {
    EXPECT_EQ(*parse_size(size_text(value)), value) << size_text(value);
    EXPECT_EQ(*parse_count(count_text(value)), value) << count_text(value);
    EXPECT_EQ(*parse_duration(duration_text(std::chrono::milliseconds(value))), std::chrono::milliseconds(value));
  }
  EXPECT_EQ(duration_text(1s), "1s");
  EXPECT_EQ(duration_text(1ms), "1ms");
  EXPECT_EQ(size_text(1000), "1kB");
  EXPECT_EQ(count_text(1'000'000), "1M");
  EXPECT_EQ(duration_text(90s), "90s");
  EXPECT_EQ(duration_text(15min), "15m");
}

}  // namespace
}  // namespace cardea::conf
