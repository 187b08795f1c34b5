// Requests of keys under way: never more than may be, also of many threads, and nothing is left behind them.
#include "l7/policy/place_table.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace cardea::l7::policy {
namespace {

TEST(PlaceTable, HoldsWhatMayBeAndNoMore) {
  PlaceTable table;
  EXPECT_TRUE(table.enter(1, 2));
  EXPECT_TRUE(table.enter(1, 2));
  EXPECT_FALSE(table.enter(1, 2));
  EXPECT_TRUE(table.enter(65, 2)) << "another key of the same stripe";
  table.leave(1);
  EXPECT_TRUE(table.enter(1, 2));
  EXPECT_FALSE(table.enter(1, 1)) << "a reload may lower it";
  EXPECT_EQ(table.keys(), 2u);
  table.leave(1), table.leave(1), table.leave(65);
  EXPECT_EQ(table.keys(), 0u);
}

TEST(PlaceTable, ManyThreadsAreNeverMoreThanMayBe) {
  PlaceTable table;
  std::atomic<int> inside{0}, most{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int round = 0; round < 20'000; ++round) {
        if (!table.enter(7, 2)) continue;
        const int now = ++inside;
        for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
        }
        --inside;
        table.leave(7);
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_LE(most, 2);
  EXPECT_EQ(table.keys(), 0u);
}

}  // namespace
}  // namespace cardea::l7::policy
