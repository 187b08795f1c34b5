// Who is refused most: found among any number of others, and shown so that no terminal obeys it.
#include "l7/policy/offenders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "base/random.h"

namespace cardea::l7::policy {
namespace {

using namespace std::chrono_literals;

TEST(Offenders, WhoIsRefusedMostComesFirst) {
  Offenders offenders;
  EXPECT_TRUE(offenders.top(1s).empty());
  for (int i = 0; i < 30; ++i) offenders.note(1, "often", 100s + i * 100ms);
  for (int i = 0; i < 3; ++i) offenders.note(2, "seldom", 100s + i * 1s);
  const auto top = offenders.top(103s);
  ASSERT_EQ(top.size(), 2u);
  EXPECT_EQ(top[0].key, "often");
  EXPECT_EQ(top[0].refused, 30u);
  EXPECT_EQ(top[0].since, 100s);
  EXPECT_EQ(top[0].last, 102s + 900ms);
  EXPECT_GT(top[0].rate, 5 * top[1].rate);
  EXPECT_EQ(offenders.refused(), 33u);
}

TEST(Offenders, ARateIsWhatLatelyWas) {
  Offenders offenders;
  for (int i = 0; i < 60'000; ++i) offenders.note(1, "a", 100s + i * 1ms);
  EXPECT_NEAR(offenders.top(160s)[0].rate, 1000, 20);
  EXPECT_LT(offenders.top(260s)[0].rate, 1);
  EXPECT_EQ(offenders.top(100'000'000s)[0].refused, 60'000u);
}

TEST(Offenders, MadeUpKeysPushNobodyOut) {
  Offenders offenders;
  Random random(1);
  for (int i = 0; i < 200'000; ++i) {
    const auto now = 100s + i * 50us;
    if (i % 20 == 0) offenders.note(1, "the one", now);
    else offenders.note(random.next(), "another", now);
  }
  const auto top = offenders.top(110s);
  EXPECT_EQ(top.size(), Offenders::kRoom);
  EXPECT_TRUE(std::ranges::any_of(top, [](const Offender& one) { return one.key == "the one" && one.refused > 9'000; }));
}

TEST(Offenders, WhoHasGoneMakesRoom) {
  Offenders offenders;
  for (uint64_t key = 0; key < Offenders::kRoom; ++key)
    for (int i = 0; i < 1000; ++i) offenders.note(key, "old", 100s);
  for (int i = 0; i < 5; ++i) offenders.note(1000, "new", 300s);
  EXPECT_EQ(offenders.top(300s)[0].key, "new");
}

TEST(Offenders, NoKeyIsMoreThanText) {
  Offenders offenders;
  offenders.note(1, "\x1b]0;own\x07\n\xff\\ " + std::string(500, 'x'), 1s);
  const std::string shown = offenders.top(1s)[0].key;
  EXPECT_THAT(shown, testing::StartsWith("\\x1b]0;own\\x07\\x0a\\xff\\x5c xx"));
  EXPECT_LT(shown.size(), 4 * Offenders::kTextMax);
}

TEST(Offenders, NobodyWaitsForAnother) {
  Offenders offenders;
  std::vector<std::thread> threads;
  for (uint64_t key = 0; key < 3; ++key)
    threads.emplace_back([&offenders, key] {
      for (int i = 0; i < 20'000; ++i) offenders.note(key, "k", std::chrono::milliseconds(i));
    });
  for (int i = 0; i < 100; ++i) offenders.top(20s);
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(offenders.refused(), 60'000u);
  // Whoever finds it taken is only counted, and one that was stopped midway may have kept it from all the others' turns.
  for (uint64_t key = 0; key < 3; ++key) offenders.note(key, "k", 20s);
  EXPECT_EQ(offenders.top(20s).size(), 3u);
}

}  // namespace
}  // namespace cardea::l7::policy
