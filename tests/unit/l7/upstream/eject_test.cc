// When a backend is ejected, for how long, and how many may be.
#include "l7/upstream/eject.h"

#include <gtest/gtest.h>

namespace cardea::l7::upstream {
namespace {

using namespace std::chrono_literals;

constexpr Instant kNow{1h};

PoolPlan pool(size_t backends, uint32_t share_max) {
  PoolPlan made;
  made.ejection = {5, 5, 10s, 60s, share_max};
  made.backends.resize(backends);
  return made;
}

// How many can be ejected one after the other.
size_t most(const PoolPlan& pool) {
  size_t count = 0;
  for (const BackendPlan& one : pool.backends)
    if (may_eject(pool, one, kNow)) one.host->ejection.eject(kNow, 10s, 60s), count++;
  return count;
}

TEST(MayEject, AShareOfThoseThatServeOneAlwaysTheLastNever) {
  struct Row {
    size_t backends;
    uint32_t percent;
    size_t most;
  };
  for (const Row& row : {Row{1, 100, 0},
                         {2, 1, 1},
                         {2, 100, 1},
                         {3, 67, 2},
                         {3, 66, 1},
                         {3, 100, 2},
                         {10, 10, 1},
                         {10, 34, 3},
                         {10, 100, 9},
                         {0, 50, 0}})
    EXPECT_EQ(most(pool(row.backends, row.percent)), row.most) << row.backends << " of which " << row.percent << " %";
}

TEST(MayEject, WhoServesNobodyDoesNotCount) {
  PoolPlan three = pool(3, 100);
  three.backends[0].state = BackendState::kDown;
  three.backends[1].standby = true;
  EXPECT_EQ(most(three), 0u) << "the third is the last that serves";
}

TEST(MayEject, WhoseTimeIsOverCountsNoMore) {
  const PoolPlan two = pool(2, 50);
  two.backends[0].host->ejection.eject(kNow - 10s, 10s, 60s);
  EXPECT_TRUE(may_eject(two, two.backends[1], kNow));
  EXPECT_FALSE(may_eject(two, two.backends[1], kNow - 1s));
}

TEST(HostEjection, TimesGrowAndShrinkAgain) {
  HostEjection its;
  EXPECT_FALSE(its.ejected(kNow));
  Instant now = kNow;
  for (const auto pause : {10s, 20s, 30s, 35s, 35s}) {
    its.eject(now, 10s, 35s);
    EXPECT_EQ(its.until() - now, pause);
    EXPECT_TRUE(its.ejected(now + pause - 1ms));
    EXPECT_FALSE(its.ejected(now + pause));
    now += pause;
  }
  its.eject(now + 40s, 10s, 35s);
  EXPECT_EQ(its.until() - (now + 40s), 20s) << "four times `time` without an error took four off five";
  its.eject(now + 1h, 10s, 35s);
  EXPECT_EQ(its.until() - (now + 1h), 10s);
  its.forget();
  EXPECT_FALSE(its.ejected(now + 1h));
}

TEST(HostEjection, OnlyErrorsInARowCount) {
  HostEjection its;
  EXPECT_EQ(its.count_error(), 1u);
  EXPECT_EQ(its.count_error(), 2u);
  EXPECT_EQ(its.count_gateway_error(), 1u);
  its.answered_whole();
  EXPECT_EQ(its.count_error(), 1u);
  EXPECT_EQ(its.count_gateway_error(), 2u) << "that it answers says nothing of what it answers";
  its.answered_well();
  EXPECT_EQ(its.count_gateway_error(), 1u);
}

}  // namespace
}  // namespace cardea::l7::upstream
