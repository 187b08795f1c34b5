#include "mgmt/cli/amounts.h"

#include <gtest/gtest.h>

namespace cardea::mgmt::cli {
namespace {

using namespace std::chrono_literals;

TEST(Amounts, GroupsDigitsByThree) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1 000");
  EXPECT_EQ(grouped(1234567), "1 234 567");
}

TEST(Amounts, ShortensLargeNumbers) {
  EXPECT_EQ(short_number(0), "0");
  EXPECT_EQ(short_number(999), "999");
  EXPECT_EQ(short_number(999.7), "1.00 k");
  EXPECT_EQ(short_number(12'340), "12.3 k");
  EXPECT_EQ(short_number(999'900), "1.00 M");
}

TEST(Amounts, GivesBytesTheirUnit) {
  EXPECT_EQ(bytes_text(0), "0 B");
  EXPECT_EQ(bytes_text(999), "999 B");
  EXPECT_EQ(bytes_text(1500), "1.5 KB");
  EXPECT_EQ(bytes_text(999'999), "1.0 MB");
  EXPECT_EQ(bytes_text(64'000'000), "64.0 MB") << "as the configuration says it";
  EXPECT_EQ(bytes_text(200'000'000'000), "200 GB");
}

TEST(Amounts, SaysDurationsInTwoUnitsAtMost) {
  EXPECT_EQ(duration_text(850ms), "850 ms");
  EXPECT_EQ(duration_text(12'540ms), "12.5 s");
  EXPECT_EQ(duration_text(250s), "4 min 10 s");
  EXPECT_EQ(duration_text(2h + 5min), "2 h 5 min");
  EXPECT_EQ(duration_text(76h), "3 d 4 h");
}

}  // namespace
}  // namespace cardea::mgmt::cli
