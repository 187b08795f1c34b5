#include "dataplane/state/begun_flows.h"

#include <gtest/gtest.h>

namespace cardea::dataplane {
namespace {

uint64_t hash(uint64_t n) {
  return (n + 1) * 0x9e3779b97f4a7c15ull;
}

// All of one bucket.
uint64_t neighbour(uint64_t n) {
  return (n + 1) << 40;
}

constexpr uint32_t kNow = 0xffff'ff00;  // about to wrap

TEST(BegunFlows, KnowsThoseThatBeganAndNoOthers) {
  BegunFlows flows;
  for (uint64_t n = 0; n < 300'000; ++n) flows.add(hash(n), kNow);
  uint32_t lost = 0, strangers = 0;
  for (uint64_t n = 0; n < 300'000; ++n) lost += !flows.has(hash(n), kNow);
  for (uint64_t n = 300'000; n < 600'000; ++n) strangers += flows.hear(hash(n), kNow, false);
  EXPECT_LT(lost, 3000u) << "of a third of its room one in a hundred at most";
  EXPECT_LT(strangers, 3u);
}

TEST(BegunFlows, OneThatIsAddedAgainTakesNoFurtherPlace) {
  BegunFlows flows;
  for (uint64_t n = 0; n < 7; ++n) flows.add(neighbour(n), kNow);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(flows.add(neighbour(7), kNow));
  for (uint64_t n = 0; n < 7; ++n) EXPECT_TRUE(flows.has(neighbour(n), kNow));
}

TEST(BegunFlows, AFloodOfSynsTakesNoPlaceOfWhatGoesOn) {
  BegunFlows flows;
  for (uint64_t n = 0; n < 7; ++n) {
    EXPECT_TRUE(flows.add(neighbour(n), kNow));
    EXPECT_TRUE(flows.hear(neighbour(n), kNow, false));
  }
  EXPECT_TRUE(flows.add(neighbour(7), kNow)) << "the last free place";
  for (uint64_t n = 8; n < 1000; ++n) EXPECT_FALSE(flows.add(neighbour(n), kNow + 1)) << "one of its own gave way";
  for (uint64_t n = 0; n < 7; ++n) EXPECT_TRUE(flows.has(neighbour(n), kNow + 1));
}

TEST(BegunFlows, WhatEndsGivesWayFirstAndThenWhoWasSilentForLongest) {
  BegunFlows flows;
  for (uint64_t n = 0; n < 8; ++n) {
    flows.add(neighbour(n), kNow);
    flows.hear(neighbour(n), kNow + uint32_t(n), n == 5);
  }
  flows.add(neighbour(8), kNow + 100);
  EXPECT_FALSE(flows.has(neighbour(5), kNow + 100));
  flows.hear(neighbour(8), kNow + 100, false);
  flows.hear(neighbour(0), kNow + 100, false);
  flows.add(neighbour(9), kNow + 100);
  EXPECT_FALSE(flows.has(neighbour(1), kNow + 100));
  EXPECT_TRUE(flows.has(neighbour(0), kNow + 100));
}

TEST(BegunFlows, EachLivesAsLongAsItsConnectionMayBeSilent) {
  BegunFlows flows;
  for (uint64_t n = 0; n < 3; ++n) flows.add(hash(n), kNow);
  flows.hear(hash(1), kNow, true);
  flows.hear(hash(2), kNow, false);
  const uint32_t lives[] = {BegunFlows::kOnlyBegunMs, BegunFlows::kEndingMs, BegunFlows::kGoingOnMs};
  for (uint64_t n = 0; n < 3; ++n) {
    EXPECT_TRUE(flows.has(hash(n), kNow + lives[n] - 1));
    EXPECT_FALSE(flows.has(hash(n), kNow + lives[n]));
    EXPECT_FALSE(flows.hear(hash(n), kNow + lives[n], false));
  }
  EXPECT_TRUE(flows.hear(hash(2), kNow + BegunFlows::kGoingOnMs - 1, false));
  EXPECT_TRUE(flows.has(hash(2), kNow + BegunFlows::kGoingOnMs)) << "it was heard";
}

TEST(BegunFlows, OneThatIsOverMakesRoomWithoutALoss) {
  BegunFlows flows;
  for (uint64_t n = 0; n < 8; ++n) flows.add(neighbour(n), kNow);
  EXPECT_TRUE(flows.add(neighbour(8), kNow + BegunFlows::kOnlyBegunMs));
}

TEST(BegunFlows, APortThatIsUsedAgainBeginsAnew) {
  BegunFlows flows;
  flows.add(hash(1), kNow);
  flows.hear(hash(1), kNow, true);
  flows.add(hash(1), kNow);
  EXPECT_FALSE(flows.has(hash(1), kNow + BegunFlows::kOnlyBegunMs));
}

}  // namespace
}  // namespace cardea::dataplane
