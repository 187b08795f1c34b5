#include "dataplane/path/ageing.h"

#include <gtest/gtest.h>

namespace cardea::dataplane {
namespace {

constexpr uint32_t kTenMillion = 10'000'000;

TEST(Ageing, AStepIsBoundedWhateverTheTableAndHoweverLongTheSleep) {
  for (const uint32_t groups : {1u, 63u, 1000u, kTenMillion}) {
    Ageing ageing;
    for (const uint32_t now : {0u, 1u, 2u, 100u, 100'000u, 100'001u})
      EXPECT_LE(ageing.due(now, groups), Ageing::kGroupsAStep) << groups;
  }
}

TEST(Ageing, EveryGroupIsSeenOnceASecond) {
  for (const uint32_t groups : {1u, 64u, 999u, 50'000u}) {
    Ageing ageing;
    uint64_t seen = 0;
    for (uint32_t now = 1; now <= 1000; ++now) seen += ageing.due(now, groups);
    EXPECT_GE(seen, groups);
    EXPECT_LE(seen, groups + 1000u);
  }
}

TEST(Ageing, ALargeTableIsSeenOverAsManyTurnsAsItTakes) {
  Ageing ageing;
  uint64_t seen = 0, turns = 0;
  for (; seen < kTenMillion; ++turns) seen += ageing.due(uint32_t(turns / 125), kTenMillion);  // 8 µs a turn
  EXPECT_LE(turns, 160'000u);
}

TEST(Ageing, WhatWasSleptThroughIsMadeUpForAndNoMore) {
  Ageing ageing;
  ageing.due(1'000'000, 5000);
  uint64_t seen = 0;
  for (; ageing.is_behind();) seen += ageing.due(1'000'000, 5000);
  EXPECT_LE(seen, 5000u);
  ageing.due(1'000'100, 5000);
  for (seen = 0; ageing.is_behind();) seen += ageing.due(1'000'100, 5000);
  EXPECT_NEAR(double(seen), 100 * 6 - 64, 64);
  EXPECT_EQ(ageing.due(1'000'100, 5000), 0u) << "nothing is due twice in a millisecond";
}

TEST(Ageing, TheClockMayWrap) {
  Ageing ageing;
  ageing.due(0xffff'ffff, 1000);
  while (ageing.is_behind()) ageing.due(0xffff'ffff, 1000);
  EXPECT_EQ(ageing.due(0, 1000), 2u);
}

}  // namespace
}  // namespace cardea::dataplane
