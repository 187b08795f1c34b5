#include "mgmt/api/core_busy.h"

#include <gtest/gtest.h>

namespace cardea::mgmt::api {
namespace {

using namespace std::chrono_literals;
using Time = std::chrono::steady_clock::time_point;

constexpr Time kNow{1h};

CoreReading reading(Time at, uint64_t busy_ms, uint64_t cpu = 3) {
  return {at, {{cpu, busy_ms * 1'000'000}}};
}

TEST(CoreBusy, IsThePartOfTheTimeBetweenTwoReadings) {
  const auto cores = compare(reading(kNow, 1000), reading(kNow + 2s, 1500));
  ASSERT_EQ(cores.size(), 1u);
  EXPECT_EQ(cores[0].cpu, 3u);
  EXPECT_EQ(cores[0].percent, 25.0);
  EXPECT_EQ(compare(reading(kNow, 0), reading(kNow + 1s, 1001))[0].percent, 100.0) << "clocks differ by a little";
}

TEST(CoreBusy, IsNotKnownWithoutAnEarlierReadingOfTheSameRun) {
  EXPECT_FALSE(compare(reading(kNow, 1000), reading(kNow + 1s, 10))[0].percent) << "it was restarted";
  EXPECT_FALSE(compare(reading(kNow, 0, 2), reading(kNow + 1s, 10))[0].percent) << "another core";
  EXPECT_FALSE(compare(reading(kNow, 0), reading(kNow, 10))[0].percent) << "no time has passed";
}

TEST(CoreBusy, WhatIsNoStatusHasNoCores) {
  for (const char* odd : {"", "[]", "{}", R"({"workers":7})", R"({"workers":[{"cpu":1}]})"})
    EXPECT_TRUE(core_reading(odd, kNow).busy_ns.empty()) << odd;
  const auto read = core_reading(R"({"workers":[{"cpu":4,"busy_nanoseconds":9}, 5]})", kNow);
  EXPECT_EQ(read.busy_ns, (std::map<uint64_t, uint64_t>{{4, 9}}));
}

TEST(CoreWatch, ComparesWithWhatIsNeitherTooFreshNorTooOld) {
  CoreWatch watch;
  EXPECT_FALSE(watch.comparable(kNow)) << "nothing is remembered";
  EXPECT_FALSE(watch.take(reading(kNow, 0))[0].percent);
  EXPECT_FALSE(watch.comparable(kNow + 99ms));
  EXPECT_TRUE(watch.comparable(kNow + 100ms));
  EXPECT_TRUE(watch.comparable(kNow + 60s));
  EXPECT_FALSE(watch.comparable(kNow + 60'001ms));
  EXPECT_EQ(watch.take(reading(kNow + 1s, 500))[0].percent, 50.0);
  EXPECT_EQ(watch.take(reading(kNow + 2s, 600))[0].percent, 10.0) << "compared with the last one";
}

}  // namespace
}  // namespace cardea::mgmt::api
