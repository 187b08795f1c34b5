#include "l7/runtime/task.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "l7/runtime/loop.h"
#include "l7/runtime/spawn.h"
#include "tests/unit/l7/runtime/allocations.h"

namespace cardea::l7 {
namespace {

using std::chrono::milliseconds;

struct TaskTest : testing::Test {
  ChunkPool chunks;
  Arena arena{chunks};  // outlives the loop, which destroys what has not finished
  std::unique_ptr<Loop> loop = *Loop::create(Loop::Clock::kManual);
};

Task<int> answer(Arena&) {
  co_return 42;
}

Task<std::unique_ptr<std::string>> movable(Arena&) {
  co_return std::make_unique<std::string>("moved");
}

Task<> ask(Arena& arena, int& into) {
  into = 1;
  const int value = co_await answer(arena);
  into = value;
}

TEST_F(TaskTest, IsLazyAndAwaitsItsChild) {
  int seen = 0;
  {
    Task<> task = ask(arena, seen);
    EXPECT_EQ(seen, 0);
    spawn(*loop, arena, std::move(task));
  }
  EXPECT_EQ(seen, 42);
  loop->run_until_idle();
  EXPECT_EQ(loop->spawned(), 0u);
  EXPECT_EQ(arena.used(), 0u);
}

Task<> take(Arena& arena, std::string& into) {
  std::unique_ptr<std::string> text = co_await movable(arena);
  into = *text;
}

TEST_F(TaskTest, ReturnsWhatCanOnlyBeMoved) {
  std::string seen;
  spawn(*loop, arena, take(arena, seen));
  EXPECT_EQ(seen, "moved");
}

struct Note {
  explicit Note(int& at) : destroyed(at) {}
  ~Note() { destroyed++; }
  int& destroyed;
};

Task<> sleep(Arena&, Loop& loop, milliseconds time, int& destroyed, int& woken) {
  Note note(destroyed);
  co_await loop.sleep_until(loop.now() + time);
  woken++;
}

TEST_F(TaskTest, ASuspendedTaskIsDestroyedWithTheLoop) {
  int destroyed = 0, woken = 0;
  ChunkPool pool;
  Arena own(pool);
  auto dying = *Loop::create(Loop::Clock::kManual);
  spawn(*dying, own, sleep(own, *dying, milliseconds(5), destroyed, woken));
  EXPECT_EQ(dying->spawned(), 1u);
  dying.reset();
  EXPECT_EQ(destroyed, 1);
  EXPECT_EQ(woken, 0);
}

Task<> sum(Arena& arena, long& into, int count) {
  for (int i = 0; i < count; i++) {
    const int value = co_await answer(arena);
    into += value;
  }
}

TEST_F(TaskTest, AwaitingChildrenNeitherGrowsTheArenaNorAllocates) {
  long total = 0;
  {
    Task<> warm = sum(arena, total, 1);
    spawn(*loop, arena, std::move(warm));
    loop->run_until_idle();
  }
  const uint64_t before = allocations();
  spawn(*loop, arena, sum(arena, total, 10'000));
  loop->run_until_idle();
  EXPECT_EQ(allocations(), before);
  EXPECT_EQ(total, 42L * 10'001);
  EXPECT_EQ(chunks.lent(), 1u);
}

TEST_F(TaskTest, TenThousandTasksSleepAndWake) {
  int destroyed = 0, woken = 0;
  for (int i = 0; i < 10'000; i++) {
    spawn(*loop, arena, sleep(arena, *loop, milliseconds(i % 100 + 1), destroyed, woken));
  }
  EXPECT_EQ(loop->spawned(), 10'000u);
  loop->advance(milliseconds(50));
  EXPECT_EQ(woken, 5'000);
  loop->advance(milliseconds(50));
  EXPECT_EQ(woken, 10'000);
  EXPECT_EQ(destroyed, 10'000);
  EXPECT_EQ(loop->spawned(), 0u);
}

struct Owner {
  Owner(Loop& on, int& at) : loop(on), own(on.chunks()), note(at) {}
  Arena& arena() { return own; }
  Loop& loop;
  Arena own;
  Note note;
};

Task<> live(Owner& owner) {
  co_await owner.loop.sleep_until(owner.loop.now() + milliseconds(1));
}

TEST_F(TaskTest, TheOwnerIsDestroyedAfterItsTask) {
  int destroyed = 0;
  spawn(*loop, live, std::make_unique<Owner>(*loop, destroyed));
  EXPECT_EQ(destroyed, 0);
  loop->advance(milliseconds(1));
  EXPECT_EQ(destroyed, 1);
  EXPECT_EQ(loop->chunks().lent(), 0u);
}

TEST_F(TaskTest, ADyingLoopDestroysTasksAndOwners) {
  int destroyed = 0;
  auto dying = *Loop::create(Loop::Clock::kManual);
  for (int i = 0; i < 3; i++) spawn(*dying, live, std::make_unique<Owner>(*dying, destroyed));
  dying.reset();
  EXPECT_EQ(destroyed, 3);
}

Task<> pair_of(Arena& arena, Loop& loop, int& destroyed, int& woken, bool& done) {
  co_await both(sleep(arena, loop, milliseconds(5), destroyed, woken),
                sleep(arena, loop, milliseconds(3), destroyed, woken));
  done = true;
}

TEST_F(TaskTest, BothWaitsForTheSlowerOne) {
  int destroyed = 0, woken = 0;
  bool done = false;
  spawn(*loop, arena, pair_of(arena, *loop, destroyed, woken, done));
  loop->advance(milliseconds(3));
  EXPECT_EQ(woken, 1);
  EXPECT_FALSE(done);
  loop->advance(milliseconds(2));
  EXPECT_TRUE(done);
}

Task<> pair_at_once(Arena& arena, int& first, int& second, bool& done) {
  co_await both(ask(arena, first), ask(arena, second));
  done = true;
}

TEST_F(TaskTest, BothThatNeverWait) {
  int first = 0, second = 0;
  bool done = false;
  spawn(*loop, arena, pair_at_once(arena, first, second, done));
  EXPECT_TRUE(done);
  EXPECT_EQ(first + second, 84);
}

Task<int> deep(Arena& arena, int depth) {
  if (depth == 0) co_return 0;
  const int below = co_await deep(arena, depth - 1);
  co_return below + 1;
}
Task<> start_deep(Arena& arena, int& into) {
  const int depth = co_await deep(arena, 1000);
  into = depth;
}

TEST_F(TaskTest, ChainsOfAwaitsUnwind) {
  int depth = 0;
  spawn(*loop, arena, start_deep(arena, depth));
  EXPECT_EQ(depth, 1000);
}

}  // namespace
}  // namespace cardea::l7
