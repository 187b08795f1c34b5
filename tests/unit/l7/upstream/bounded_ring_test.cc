// Consistent hashing with bounded loads: the bound holds on every shard at once, keys stay where they belong while it
// allows, and only those of who left move.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <deque>
#include <map>

#include "tests/unit/l7/upstream/backends.h"

namespace cardea::l7::upstream {
namespace {

using test::Backends;
using test::kNow;

Bounded choose(Backends& backends, uint64_t hash, uint32_t percent) {
  return choose_by_bounded_ring(backends.pointers, backends.ring, hash, percent, {{}, kNow});
}

TEST(BoundedRing, NobodyExceedsItsBoundOverAnyKeysAndShards) {
  const std::vector<uint32_t> weights{4, 2, 1, 1};
  for (const size_t shards : {1, 3})
    for (const uint32_t percent : {100, 125, 200})
      for (uint64_t seed = 0; seed < 10; ++seed) {
        std::array<HostCount, 4> host;
        std::deque<Backends> all;
        for (size_t shard = 0; shard < shards; ++shard) {
          Backends& its = all.emplace_back(weights);
          its.make_ring();
          for (size_t i = 0; i < 4; ++i) its.all[i].host_busy = &host[i];
        }
        Random random(seed);
        for (uint64_t busy = 1; busy <= 500; ++busy) {
          const uint64_t key = random.below(3) == 0 ? 7 : random.next();  // one key is very popular
          Backends& shard = all[random.below(shards)];
          const size_t chosen = shard.index(choose(shard, key, percent).chosen);
          ASSERT_LT(chosen, 4u) << "somebody is always below";
          host[chosen].take();
          const double bound = std::ceil(double(busy) * percent / 100 * weights[chosen] / 8);
          ASSERT_LE(host[chosen].now(), bound) << shards << " shards, " << percent << " %, seed " << seed;
          ASSERT_EQ(shard.all[chosen].bound, uint32_t(bound)) << "which whoever takes the place holds to";
        }
      }
}

TEST(BoundedRing, KeysStayWhereTheyBelongWhileTheBoundAllows) {
  Backends backends({1, 1, 1, 1});
  backends.make_ring();
  Random random(1);
  for (int i = 0; i < 2000; ++i) {
    const uint64_t hash = random.next();
    const Bounded bounded = choose(backends, hash, 125);
    EXPECT_EQ(backends.index(bounded.chosen), backends.by_ring(hash));
    EXPECT_FALSE(bounded.moved);
  }
}

TEST(BoundedRing, WhatOverflowsIsCountedAndSpreadOverAll) {
  Backends backends({1, 1, 1, 1});
  backends.make_ring();
  for (Standing& it : backends.all) it.busy = 10;
  backends.all[2].busy = 30;  // of 60
  std::map<size_t, int> went;
  Random random(2);
  for (int i = 0; i < 4000; ++i) {
    const uint64_t hash = random.next();
    const bool its = backends.by_ring(hash) == 2;
    const Bounded bounded = choose(backends, hash, 125);
    ASSERT_EQ(bounded.moved, its);
    if (its) went[backends.index(bounded.chosen)]++;
  }
  EXPECT_EQ(went.count(2), 0u);
  for (const size_t i : {0, 1, 3}) EXPECT_GT(went[i], 200) << "to each of the others";
}

TEST(BoundedRing, OnlyTheKeysOfWhoIsGoneMove) {
  Backends backends({1, 1, 1, 1, 1});
  backends.make_ring();
  Random random(3);
  for (int i = 0; i < 4000; ++i) {
    const uint64_t hash = random.next();
    backends.all[1].serves = true;
    const Standing* before = choose(backends, hash, 125).chosen;
    backends.all[1].serves = false;
    const Standing* after = choose(backends, hash, 125).chosen;
    EXPECT_NE(after, &backends.all[1]);
    if (before == &backends.all[1]) continue;
    EXPECT_EQ(after, before);
  }
}

// mgmt builds the ring anew without whoever is gone: few keys of the others may move then either.
TEST(BoundedRing, ANewRingMovesFewKeys) {
  Backends backends({1, 1, 1, 1, 1, 1, 1, 1});
  backends.make_ring();
  Backends smaller({1, 1, 1, 1, 1, 1, 1, 0});
  smaller.make_ring();
  Random random(4);
  int moved = 0, kept = 0;
  for (int i = 0; i < 20'000; ++i) {
    const uint64_t hash = random.next();
    const size_t before = backends.index(choose(backends, hash, 125).chosen);
    if (before == 7) continue;
    (smaller.index(choose(smaller, hash, 125).chosen) == before ? kept : moved)++;
  }
  EXPECT_LT(moved, kept / 10);
}

TEST(BoundedRing, SuspectsAndFullOnesTakeNoPartUntilNobodyElseCan) {
  Backends backends({1, 1});
  backends.make_ring();
  backends.all[0].suspicion.connect_failed(kNow);
  backends.all[1].busy = 50;
  for (uint64_t hash = 0; hash < 50; ++hash)
    EXPECT_EQ(backends.index(choose(backends, hash << 56, 100).chosen), 1u) << "alone it has the whole share";
  backends.all[1].busy_max = 50;
  EXPECT_EQ(backends.index(choose(backends, 1, 100).chosen), 0u);
  backends.all[0].serves = false;
  EXPECT_EQ(choose(backends, 1, 100).chosen, nullptr);
}

}  // namespace
}  // namespace cardea::l7::upstream
