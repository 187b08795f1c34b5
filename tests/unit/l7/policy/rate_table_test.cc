// Rates of keys: exact, also when many threads ask at once, and never forgotten while they matter.
#include "l7/policy/rate_table.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "base/random.h"

namespace cardea::l7::policy {
namespace {

using namespace std::chrono_literals;

int allowed(RateTable& table, uint64_t key, const Rate& rate, std::chrono::nanoseconds now, int asks) {
  int count = 0;
  for (int i = 0; i < asks; ++i) count += table.take(key, rate, now).allowed;
  return count;
}

TEST(RateTable, ABurstIsAsLargeAsItSays) {
  for (const uint32_t burst : {1u, 2u, 7u, 100u}) {
    RateTable table(1000);
    const Rate rate = Rate::of(10, 1s, burst);
    EXPECT_EQ(allowed(table, 1, rate, 5s, 1000), int(burst));
    EXPECT_EQ(allowed(table, 1, rate, 5s + 99ms, 5), 0);
    EXPECT_EQ(allowed(table, 1, rate, 5s + 100ms, 5), 1) << "one share of the time later";
    EXPECT_EQ(allowed(table, 2, rate, 5s, 1000), int(burst)) << "another key";
  }
  RateTable table(1000);
  EXPECT_EQ(allowed(table, 1, Rate::of(10, 1s, 0), 5s, 1000), 10) << "0: as many as requests";
}

TEST(RateTable, OverTimeItIsTheRate) {
  RateTable table(1000);
  const Rate rate = Rate::of(300, 1min, 5);
  int count = 0;
  for (auto now = 1000s + 0ns; now < 1600s; now += 7ms) count += table.take(9, rate, now).allowed;
  EXPECT_NEAR(count, 3000 + 5, 1);
}

TEST(RateTable, WhoIsRefusedIsToldWhenToComeAgain) {
  RateTable table(1000);
  const Rate rate = Rate::of(1, 10s, 1);
  table.take(1, rate, 100s);
  const auto verdict = table.take(1, rate, 103s);
  EXPECT_FALSE(verdict.allowed);
  EXPECT_EQ(verdict.retry_in, 7s);
  EXPECT_FALSE(table.take(1, rate, 110s - 1ns).allowed);
  EXPECT_TRUE(table.take(1, rate, 110s).allowed) << "refusals cost nothing";
}

TEST(RateTable, NobodyWhoIsOverTheLimitIsForgotten) {
  RateTable table(1000);
  const Rate rate = Rate::of(1, 1h, 1);
  EXPECT_TRUE(table.take(~0ull / 3, rate, 1s).allowed);
  Random random(1);
  int unknown = 0, allowed_unknown = 0;
  for (int i = 0; i < 100'000; ++i) {
    const auto verdict = table.take(random.next(), rate, 1s);
    unknown += verdict.unknown;
    allowed_unknown += verdict.unknown && verdict.allowed;
  }
  EXPECT_FALSE(table.take(~0ull / 3, rate, 1s).allowed);
  EXPECT_GE(unknown, 100'000 - int(table.room())) << "and that is said";
  EXPECT_LE(allowed_unknown, int(table.room() / 7)) << "whoever makes up keys gets a rate a bucket";
  EXPECT_GT(allowed_unknown, 0);
  EXPECT_TRUE(table.take(42, rate, 2h).allowed);
  EXPECT_FALSE(table.take(42, rate, 2h).unknown) << "those whose time has passed make room";
}

TEST(RateTable, ALongBurstOfASlowRateIsCountedAll) {
  RateTable table(1000);
  const Rate rate = Rate::of(1, 24h, 1'000'000'000);
  EXPECT_EQ(allowed(table, 1, rate, 24h * 365 * 50, 10'000), 10'000);
  EXPECT_GT(table.take(1, rate, 24h * 365 * 50).left, 10'000);
}

TEST(RateTable, WhatIsLeftIsTold) {
  RateTable table(1000);
  const Rate rate = Rate::of(10, 10s, 5);
  EXPECT_EQ(table.take(1, rate, 100s).left, 4);
  EXPECT_EQ(table.take(1, rate, 100s).whole_in, 2s);
  EXPECT_EQ(table.take(1, rate, 101s).left, 3);
  for (int i = 0; i < 5; ++i) table.take(1, rate, 101s);
  const auto refused = table.take(1, rate, 101s);
  EXPECT_EQ(refused.left, 0);
  EXPECT_EQ(refused.whole_in, 5s);
  EXPECT_FALSE(refused.allowed);
}

TEST(RateTable, ManyThreadsTogetherGetWhatOneWould) {
  RateTable table(1000);
  const Rate rate = Rate::of(1000, 1s, 1000);
  std::atomic<int> count{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int at = 0; at < 5000; ++at) count += table.take(7, rate, 1s + std::chrono::microseconds(at / 50)).allowed;
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(count, 1000);
}

TEST(RateTable, BytesAreOwedBeyondWhatMayGoAtOnce) {
  RateTable table(1000);
  const ByteRate rate = ByteRate::of(1000, 1s, 0);
  EXPECT_TRUE(table.look(1, rate.ahead, 10s).allowed);
  EXPECT_TRUE(table.charge(1, rate.share(999), 10s));
  EXPECT_TRUE(table.look(1, rate.ahead, 10s).allowed) << "one is left";
  table.charge(1, rate.share(1), 10s);
  const auto over = table.look(1, rate.ahead, 10s);
  EXPECT_FALSE(over.allowed) << "all of it was had";
  EXPECT_FALSE(table.look(1, rate.ahead, 10s + over.retry_in - 1ns).allowed);
  EXPECT_TRUE(table.look(1, rate.ahead, 10s + over.retry_in).allowed);
  EXPECT_TRUE(table.look(2, rate.ahead, 10s).allowed) << "another key";
  table.charge(1, rate.share(9'000), 10s);
  EXPECT_FALSE(table.look(1, rate.ahead, 19s).allowed) << "what was had too much is owed";
  EXPECT_TRUE(table.look(1, rate.ahead, 19s + 1ms).allowed);
}

TEST(RateTable, ABurstOfBytesIsAsLargeAsItSays) {
  RateTable table(1000);
  const ByteRate rate = ByteRate::of(1 << 30, 1s, 5000);
  table.charge(1, rate.share(4999), 10s);
  EXPECT_TRUE(table.look(1, rate.ahead, 10s).allowed);
  table.charge(1, rate.share(1), 10s);
  EXPECT_FALSE(table.look(1, rate.ahead, 10s).allowed);
}

TEST(RateTable, WhatIsOwedIsNeverForgottenAndNeverTurnsOver) {
  RateTable table(1000);
  const ByteRate rate = ByteRate::of(1, 24h, 0);
  for (int i = 0; i < 10; ++i) table.charge(1, rate.share(~0ull), 1s);
  EXPECT_FALSE(table.look(1, rate.ahead, 24h * 365 * 50).allowed);
  Random random(3);
  for (int i = 0; i < 100'000; ++i) table.charge(random.next(), 1h, 1s);
  EXPECT_FALSE(table.look(1, rate.ahead, 2h).allowed) << "whatever keys were made up meanwhile";
  EXPECT_FALSE(table.charge(random.next(), 1h, 1s)) << "and for more there is no room, which is said";
}

// Answers of any size, of several threads as of shards, each begun only while the key may.
TEST(RateTable, BytesAreTheRateWithinOnePercentOverSeedsAndThreads) {
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    Random chosen(seed);
    const uint64_t bytes = 100'000 + chosen.below(1'000'000'000), most = 1 + bytes / (50 + chosen.below(1000));
    const ByteRate rate = ByteRate::of(bytes, 1s, 0);
    RateTable table(1000);
    std::atomic<uint64_t> had{0};
    std::vector<std::thread> shards;
    for (uint64_t shard = 0; shard < 3; ++shard)
      shards.emplace_back([&, shard] {
        Random random(seed * 100 + shard);
        for (auto now = 1000s + 0ns; now < 1030s; now += 100us + std::chrono::nanoseconds(random.below(100'000))) {
          if (!table.look(7, rate.ahead, now).allowed) continue;
          for (uint64_t left = 1 + random.below(uint32_t(most)); left != 0;) {
            const uint64_t piece = std::min<uint64_t>(left, 16'384);
            table.charge(7, rate.share(piece), now), had += piece, left -= piece;
          }
        }
      });
    for (auto& shard : shards) shard.join();
    const double allowed = double(bytes) * 31;  // 30 s, and a burst
    EXPECT_NEAR(double(had) / allowed, 1, 0.01) << "seed " << seed;
  }
}

TEST(RateTable, KeysAreCountedOrGuessedFromAPart) {
  RateTable table(10'000);
  EXPECT_EQ(table.count(1s, 1 << 20).keys, 0u);
  Random random(5);
  for (int i = 0; i < 3000; ++i) table.charge(random.next(), 10s, 1s);
  EXPECT_NEAR(double(table.count(1s, 1 << 20).keys), 3000, 5) << "but for the few that found no room beside seven others";
  EXPECT_TRUE(table.count(1s, 1 << 20).exact);
  const auto guessed = table.count(1s, 300);
  EXPECT_FALSE(guessed.exact);
  EXPECT_NEAR(double(guessed.keys), 3000, 450);
  EXPECT_EQ(table.count(11s, 1 << 20).keys, 0u) << "who owes nothing is not known";
}

}  // namespace
}  // namespace cardea::l7::policy
