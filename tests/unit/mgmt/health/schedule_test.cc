#include "mgmt/health/schedule.h"

#include <gtest/gtest.h>

#include <random>

namespace cardea::mgmt::health {
namespace {

using namespace std::chrono_literals;

constexpr Time kNow{std::chrono::hours(1)};

TEST(Schedule, ALoneTargetIsCheckedAtOnce) {
  EXPECT_EQ(first_due(kNow, 2000ms, 1, UINT64_MAX), kNow);
  EXPECT_EQ(first_due(kNow, 2000ms, 0, UINT64_MAX), kNow);
}

TEST(Schedule, ManyTargetsAreSpreadOverAtMostAnInterval) {
  std::mt19937_64 random(1);
  Time first = Time::max(), last = Time::min();
  for (int i = 0; i < 10'000; ++i) {
    const Time due = first_due(kNow, 2000ms, 10'000, random());
    first = std::min(first, due), last = std::max(last, due);
    ASSERT_GE(due, kNow);
    ASSERT_LT(due, kNow + 2000ms);
  }
  EXPECT_LT(first, kNow + 10ms);
  EXPECT_GT(last, kNow + 1990ms);
  EXPECT_LT(first_due(kNow, 2000ms, 51, UINT64_MAX), kNow + 50ms);
}

TEST(Schedule, CountsFromTheStartAndNeverMakesAGapLonger) {
  EXPECT_EQ(next_due(kNow, kNow + 300ms, 1000ms, 0, UINT64_MAX), kNow + 1000ms);
  EXPECT_EQ(next_due(kNow, kNow + 300ms, 1000ms, 10, 0), kNow + 1000ms);
  const Time earliest = next_due(kNow, kNow + 300ms, 1000ms, 10, UINT64_MAX);
  EXPECT_GE(earliest, kNow + 900ms);
  EXPECT_LE(earliest, kNow + 901ms);
}

TEST(Schedule, NeverBeginsBeforeTheLastCheckEnded) {
  EXPECT_EQ(next_due(kNow, kNow + 990ms, 1000ms, 100, UINT64_MAX), kNow + 990ms);
  EXPECT_EQ(next_due(kNow, kNow + 3000ms, 1000ms, 0, 0), kNow + 3000ms);
}

}  // namespace
}  // namespace cardea::mgmt::health
