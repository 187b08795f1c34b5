// Choosing alone: shares, order, limits and suspects, over plain values.
#include "l7/upstream/balance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <list>
#include <random>

#include "tests/unit/l7/upstream/backends.h"

namespace cardea::l7::upstream {
namespace {

using namespace std::chrono_literals;
using test::Backends;
using test::kNow;
using testing::ElementsAre;

TEST(InTurn, SharesAreExactAndInterleaved) {
  Backends backends({5, 1, 1});
  for (int round = 0; round < 2; ++round) {
    std::string order;
    for (int i = 0; i < 7; ++i) order += char('a' + backends.in_turn());
    EXPECT_EQ(std::ranges::count(order, 'b'), 1) << order;
    EXPECT_EQ(std::ranges::count(order, 'c'), 1) << order;
    EXPECT_EQ(order.find("aaaa"), order.npos) << order;
  }
}

TEST(InTurn, SharesAreExactOverAllShards) {
  HostTurn turn;
  const std::vector<uint16_t> order = turn_order(std::array<uint32_t, 3>{2, 1, 1});
  std::list<Backends> shards;
  for (int i = 0; i < 8; ++i) shards.emplace_back(std::vector<uint32_t>{2, 1, 1});
  std::vector<int> counts(3);
  for (Backends& shard : shards) counts[shard.index(choose_in_turn(shard.pointers, {order, turn}, {{}, kNow}))]++;
  EXPECT_THAT(counts, ElementsAre(4, 2, 2)) << "one exchange on each of them";
}

TEST(InTurn, WhoIsPassedOverLeavesItsShareToAll) {
  Backends backends({1, 1, 1, 1});
  backends.all[1].suspicion.connect_failed(kNow);
  std::vector<int> counts(4);
  for (int i = 0; i < 30; ++i) counts[backends.in_turn()]++;
  EXPECT_THAT(counts, ElementsAre(10, 0, 10, 10));
}

TEST(InTurn, WhoCannotServeIsLeftOutAndComesBackWithoutACatchUp) {
  Backends backends({1, 1, 1});
  backends.all[1].serves = false;
  for (int i = 0; i < 30; ++i) EXPECT_NE(backends.in_turn(), 1u);
  backends.all[1].serves = true;
  std::vector<int> counts(3);
  for (int i = 0; i < 30; ++i) counts[backends.in_turn()]++;
  EXPECT_THAT(counts, ElementsAre(10, 10, 10));
  backends.all[0].weight = 0;
  for (int i = 0; i < 10; ++i) EXPECT_NE(backends.in_turn(), 0u);
}

TEST(InTurn, NobodyTwice) {
  Backends backends({1, 1});
  EXPECT_EQ(backends.in_turn({&backends.all[0]}), 1u);
  EXPECT_EQ(backends.in_turn({&backends.all[0], &backends.all[1]}), backends.none());
  EXPECT_EQ(Backends({}).in_turn(), 0u);
}

TEST(BalanceLimits, AFullBackendIsPassedOver) {
  Backends backends({1, 1});
  backends.make_ring();
  backends.all[0].busy = backends.all[0].busy_max = 2;
  for (uint64_t hash = 0; hash < 50; ++hash) {
    EXPECT_EQ(backends.in_turn(), 1u);
    EXPECT_EQ(backends.least_busy(), 1u);
    EXPECT_EQ(backends.by_ring(hash << 56), 1u);
  }
  backends.all[1].busy = backends.all[1].busy_max = 1;
  EXPECT_EQ(backends.in_turn(), backends.none());
  EXPECT_EQ(backends.by_ring(0), backends.none());
  EXPECT_TRUE(any_serves(backends.pointers, {})) << "busy is not gone";
  EXPECT_FALSE(any_serves(backends.pointers, std::vector<const Standing*>{&backends.all[0], &backends.all[1]}));
}

TEST(LeastBusy, CountsForWeightAndTakesTurnsAmongEquals) {
  Backends backends({3, 1, 1});
  backends.all[0].busy = 2, backends.all[1].busy = 1;
  EXPECT_EQ(backends.least_busy(), 2u);
  backends.all[2].busy = 1;
  EXPECT_EQ(backends.least_busy(), 0u) << "two for a weight of three are fewer than one for one";
  Backends equal({1, 1, 1});
  std::vector<int> counts(3);
  for (int i = 0; i < 30; ++i) counts[equal.least_busy()]++;
  EXPECT_THAT(counts, ElementsAre(10, 10, 10));
}

TEST(LeastBusy, CountsWhatAllShardsHaveUnderWay) {
  Backends backends({1, 1});
  std::array<HostCount, 2> host;
  for (size_t i = 0; i < 2; ++i) backends.all[i].host_busy = &host[i];
  backends.all[1].busy = 1;
  host[0].take(), host[0].take(), host[1].take();
  EXPECT_EQ(backends.least_busy(), 1u);
  backends.all[1].busy_max = 1;
  EXPECT_EQ(backends.least_busy(), 0u);
}

TEST(LeastBusy, FillsUpByWeight) {
  Backends backends({4, 2, 1});
  for (int i = 0; i < 70; ++i) backends.all[backends.least_busy()].busy++;
  EXPECT_EQ(backends.all[0].busy, 40u);
  EXPECT_EQ(backends.all[1].busy, 20u);
  EXPECT_EQ(backends.all[2].busy, 10u);
}

TEST(ByRing, TheSlotDecidesAsItDoesEverywhere) {
  Backends backends({1, 2, 3});
  backends.make_ring();
  std::mt19937_64 random(1);
  std::vector<int> counts(3);
  for (int i = 0; i < 6000; ++i) {
    const uint64_t hash = random();
    const size_t chosen = backends.by_ring(hash);
    EXPECT_EQ(chosen, backends.ring[ring_slot(hash, 1009)]);
    counts[chosen]++;
  }
  EXPECT_NEAR(counts[0], 1000, 150);
  EXPECT_NEAR(counts[2], 3000, 200);
}

TEST(ByRing, OnlyTheFlowsOfWhoIsGoneMove) {
  Backends backends({1, 1, 1, 1});
  backends.make_ring();
  std::mt19937_64 random(2);
  std::vector<int> moved_to(4);
  for (int i = 0; i < 4000; ++i) {
    const uint64_t hash = random();
    backends.all[2].serves = true;
    const size_t before = backends.by_ring(hash);
    backends.all[2].serves = false;
    const size_t after = backends.by_ring(hash);
    if (before == 2) {
      moved_to[after]++;
    } else {
      EXPECT_EQ(after, before);
    }
  }
  EXPECT_EQ(moved_to[2], 0);
  for (const size_t i : {0, 1, 3}) EXPECT_GT(moved_to[i], 200) << "spread over all that are left";
}

// What a plan's author may have got wrong must not be read past: indices beyond the backends, an empty ring.
TEST(ByRing, ARingThatFitsNobodyStillAnswers) {
  Backends backends({1, 1});
  EXPECT_LT(backends.by_ring(7), 2u);
  for (const uint16_t nobody : {kRingEmpty, uint16_t{40}}) {
    backends.ring.assign(251, nobody);
    EXPECT_LT(backends.by_ring(7), 2u);
  }
}

TEST(Suspects, ArePassedOverWhileOthersServeAndTriedWhereNoneDoes) {
  Backends backends({1, 1});
  backends.make_ring();
  backends.all[0].suspicion.connect_failed(kNow);
  for (uint64_t hash = 0; hash < 50; ++hash) {
    EXPECT_EQ(backends.in_turn(), 1u);
    EXPECT_EQ(backends.least_busy(), 1u);
    EXPECT_EQ(backends.by_ring(hash << 56), 1u);
  }
  EXPECT_EQ(backends.in_turn({&backends.all[1]}), 0u);
  backends.all[1].suspicion.connect_failed(kNow);
  EXPECT_LT(backends.in_turn(), 2u);
  EXPECT_LT(backends.by_ring(3), 2u);
}

TEST(Suspicion, PausesGrowAndOneTriesAfterEach) {
  Suspicion suspicion;
  Instant now = kNow;
  EXPECT_FALSE(suspicion.suspect(now));
  for (const auto pause : {1s, 2s, 4s, 8s, 10s, 10s}) {
    suspicion.connect_failed(now);
    suspicion.connect_failed(now + 10ms);  // began before; makes it no longer
    EXPECT_TRUE(suspicion.suspect(now + pause - 1ms)) << pause.count();
    EXPECT_FALSE(suspicion.suspect(now + pause)) << pause.count();
    now += pause;
    suspicion.tried(now);
    EXPECT_TRUE(suspicion.suspect(now)) << "the others wait for what becomes of the one";
    EXPECT_FALSE(suspicion.suspect(now + 1s)) << "but not for ever";
  }
  suspicion.connected();
  EXPECT_FALSE(suspicion.suspect(now));
}

TEST(Suspicion, OnlySeveralBrokenExchangesInARowCount) {
  Suspicion suspicion;
  for (int i = 0; i < 10; ++i) {
    suspicion.exchange_failed(kNow);
    suspicion.exchange_failed(kNow);
    suspicion.answered();
  }
  EXPECT_FALSE(suspicion.suspect(kNow));
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(suspicion.suspect(kNow));
    suspicion.connected();  // that it accepts says nothing of what it does then
    suspicion.exchange_failed(kNow);
  }
  EXPECT_TRUE(suspicion.suspect(kNow));
  suspicion.connected();
  EXPECT_TRUE(suspicion.suspect(kNow));
  suspicion.answered();
  EXPECT_FALSE(suspicion.suspect(kNow));
}

}  // namespace
}  // namespace cardea::l7::upstream
