// First come, first served: turns, offers, time-outs and those who leave.
#include "l7/upstream/queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "l7/runtime/spawn.h"

namespace cardea::l7::upstream {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

struct QueueTest : testing::Test {
  ~QueueTest() override { loop->end_tasks(); }
  ChunkPool chunks;
  Arena arena{chunks};
  std::unique_ptr<Loop> loop = Loop::create(Loop::Clock::kManual).value();
  Queue queue;
  int free = 0;
  std::vector<int> served, gave_up;
};

Task<> wait_as(Arena&, QueueTest& test, int who, Instant until, Queue::Place** place = nullptr) {
  Queue::Place its(test.queue, *test.loop);
  if (place) *place = &its;
  for (;;) {
    if (its.is_first() && test.free > 0) {
      test.free--;
      test.served.push_back(who);
      co_return;
    }
    if (test.loop->now() >= until) {
      test.gave_up.push_back(who);
      co_return;
    }
    co_await its.wait(until);
  }
}

TEST_F(QueueTest, ServesInTheOrderOfComing) {
  for (int who = 0; who < 3; ++who) spawn(*loop, arena, wait_as(arena, *this, who, loop->now() + 1s));
  loop->run_until_idle();
  EXPECT_FALSE(queue.empty());
  free = 2;
  queue.offer();
  loop->run_until_idle();
  EXPECT_THAT(served, ElementsAre(0, 1)) << "who leaves tells the next";
  free = 1;
  loop->advance(Queue::kLookAgain + 1ms);
  EXPECT_THAT(served, ElementsAre(0, 1, 2)) << "and what nobody told is found";
  EXPECT_TRUE(queue.empty());
}

TEST_F(QueueTest, EachGivesUpAtItsOwnTime) {
  for (int who = 0; who < 3; ++who) spawn(*loop, arena, wait_as(arena, *this, who, loop->now() + (3 - who) * 100ms));
  loop->run_until_idle();
  loop->advance(101ms);
  EXPECT_THAT(gave_up, ElementsAre(2)) << "not only the first has a time";
  loop->advance(100ms);
  EXPECT_THAT(gave_up, ElementsAre(2, 1));
  loop->advance(100ms);
  EXPECT_THAT(gave_up, ElementsAre(2, 1, 0));
  EXPECT_TRUE(queue.empty());
}

TEST_F(QueueTest, WhoIsWokenLooksAndWhoIsDestroyedIsGone) {
  Queue::Place* second = nullptr;
  spawn(*loop, arena, wait_as(arena, *this, 0, kNever));
  spawn(*loop, arena, wait_as(arena, *this, 1, kNever, &second));
  loop->run_until_idle();
  free = 1;
  second->wake();
  loop->run_until_idle();
  EXPECT_TRUE(served.empty()) << "it is not its turn";
  loop->end_tasks();
  EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace cardea::l7::upstream
