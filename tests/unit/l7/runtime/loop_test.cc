#include "l7/runtime/loop.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "l7/runtime/spawn.h"

namespace cardea::l7 {
namespace {

using std::chrono::milliseconds;

TEST(Loop, RunsPostedCallsInOrder) {
  auto loop = *Loop::create(Loop::Clock::kManual);
  std::vector<int> seen;
  for (int i = 0; i < 5; i++) loop->post([&seen, i] { seen.push_back(i); });
  EXPECT_TRUE(seen.empty());
  loop->run_until_idle();
  EXPECT_EQ(seen, (std::vector{0, 1, 2, 3, 4}));
}

TEST(Loop, CallsFromManyThreadsAllArriveEachThreadsInOrder) {
  auto loop = *Loop::create();
  constexpr int kThreads = 4, kCalls = 2000;
  std::vector<int> last(kThreads, -1);
  int count = 0;
  bool in_order = true;
  std::vector<std::jthread> threads;
  for (int t = 0; t < kThreads; t++) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kCalls; i++) {
        loop->post([&, t, i] {
          in_order = in_order && last[t] == i - 1;
          last[t] = i;
          if (++count == kThreads * kCalls) loop->stop();
        });
      }
    });
  }
  loop->run();
  EXPECT_EQ(count, kThreads * kCalls);
  EXPECT_TRUE(in_order);
}

TEST(Loop, StopFromAnotherThreadEndsASleepingLoop) {
  auto loop = *Loop::create();
  std::jthread other([&] { loop->stop(); });
  loop->run();
}

TEST(Loop, UncalledCallsAreDestroyed) {
  auto value = std::make_shared<int>(1);
  {
    auto loop = *Loop::create();
    loop->post([value] {});
    EXPECT_EQ(value.use_count(), 2);
  }
  EXPECT_EQ(value.use_count(), 1);
}

Task<> wait_a_moment(Arena&, Loop& loop, bool& done) {
  co_await loop.sleep_until(loop.now() + milliseconds(20));
  done = true;
}

TEST(Loop, SleepsUntilTheNextTimerAndNoLonger) {
  ChunkPool chunks;
  Arena arena(chunks);
  auto loop = *Loop::create();
  bool done = false;
  const Instant start = monotonic_now();
  spawn(*loop, arena, wait_a_moment(arena, *loop, done));
  while (loop->spawned() != 0) loop->run_turn(std::chrono::minutes(10));
  EXPECT_TRUE(done);
  const auto took = monotonic_now() - start;
  EXPECT_GE(took, milliseconds(20));
  EXPECT_LT(took, std::chrono::minutes(5));
  EXPECT_LT(loop->turn(), 50u);
}

Task<> hog(Arena&, Loop& loop, int& turns, const bool& stop) {
  while (!stop) {
    turns++;
    co_await loop.yield();
  }
}

TEST(Loop, WhoYieldsLetsTimersAndCallsThrough) {
  ChunkPool chunks;
  Arena arena(chunks);
  auto loop = *Loop::create();
  bool stop = false;
  int turns = 0;
  spawn(*loop, arena, hog(arena, *loop, turns, stop));
  spawn(*loop, arena, wait_a_moment(arena, *loop, stop));
  while (loop->spawned() != 0) loop->run_turn(std::chrono::seconds(1));
  EXPECT_GT(turns, 1);
}

struct Observer final : TurnObserver {
  void before_sleep() override { balance--, sleeps++; }
  void after_wake() override { balance++; }
  int balance = 0, sleeps = 0;
};

TEST(Loop, TellsItsObserverAroundEverySleep) {
  auto loop = *Loop::create(Loop::Clock::kManual);
  Observer observer;
  loop->observe_turns(&observer);
  for (int i = 0; i < 3; i++) loop->run_turn(milliseconds(0));
  EXPECT_EQ(observer.sleeps, 3);
  EXPECT_EQ(observer.balance, 0);
}

TEST(Loop, AManualClockStandsStill) {
  auto loop = *Loop::create(Loop::Clock::kManual);
  const Instant start = loop->now();
  loop->run_until_idle();
  EXPECT_EQ(loop->now(), start);
  loop->advance(milliseconds(7));
  EXPECT_EQ(loop->now() - start, milliseconds(7));
}

}  // namespace
}  // namespace cardea::l7
