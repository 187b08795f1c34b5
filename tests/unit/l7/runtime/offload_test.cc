// Work beside a loop: done by another thread, gone on with by the loop's own, bounded, and never left behind by whoever
// ends first.
#include "l7/runtime/offload.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <semaphore>
#include <thread>
#include <vector>

#include "l7/runtime/spawn.h"

namespace cardea::l7 {
namespace {

struct Seen {
  std::thread::id worked, resumed;
  std::optional<bool> done;
};

template <typename Work>
Task<> await_work(Arena&, Offload& offload, Loop& loop, Work work, Seen& seen) {
  const bool done = co_await offload.run(loop, [&] {
    seen.worked = std::this_thread::get_id();
    work();
  });
  seen.done = done;
  seen.resumed = std::this_thread::get_id();
}

struct OffloadTest : testing::Test {
  void run_until(const std::function<bool()>& over) {
    const Instant latest = monotonic_now() + std::chrono::seconds(20);
    while (!over() && monotonic_now() < latest) loop->run_turn(std::chrono::milliseconds(10));
    EXPECT_TRUE(over());
  }
  void run_to_end() {
    run_until([this] { return loop->spawned() == 0; });
  }
  template <typename Work>
  void begin(Offload& offload, Seen& seen, Work work) {
    spawn(*loop, arena, await_work(arena, offload, *loop, work, seen));
  }

  ChunkPool chunks;
  Arena arena{chunks};  // outlives the loop, which destroys what has not finished
  std::unique_ptr<Loop> loop = *Loop::create();
};

TEST_F(OffloadTest, WorkIsDoneElsewhereAndGoneOnWithHere) {
  Offload offload;
  std::atomic<int> sum = 0;
  std::vector<Seen> seen(100);
  for (int i = 0; i < 100; ++i) begin(offload, seen[size_t(i)], [&sum, i] { sum += i; });
  run_to_end();
  EXPECT_EQ(sum, 4950);
  for (const Seen& one : seen) {
    EXPECT_EQ(one.done, true);
    EXPECT_EQ(one.resumed, std::this_thread::get_id());
    EXPECT_NE(one.worked, std::this_thread::get_id());
  }
}

TEST_F(OffloadTest, WhatDoesNotFitIsRefusedAndTheRestIsDone) {
  Offload offload({.threads = 1, .waiting_max = 2});
  std::binary_semaphore begun(0), go(0);
  std::vector<Seen> seen(4);
  begin(offload, seen[0], [&] { begun.release(), go.acquire(); });
  begun.acquire();
  for (size_t i = 1; i < 4; ++i) begin(offload, seen[i], [] {});
  EXPECT_EQ(seen[3].done, false);
  EXPECT_EQ(seen[3].worked, std::thread::id());
  go.release();
  run_to_end();
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(seen[i].done, true);
}

TEST_F(OffloadTest, WhoEndsTakesBackWhatWaitsAndWaitsForWhatRuns) {
  Offload offload({.threads = 1, .waiting_max = 8});
  Arena other_arena(chunks);
  std::unique_ptr<Loop> other = *Loop::create();
  std::binary_semaphore begun(0);
  std::atomic<bool> ended = false, never = false;
  Seen first, second;
  begin(offload, first, [&] {
    begun.release();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    ended = true;
  });
  begun.acquire();
  spawn(*other, other_arena, await_work(other_arena, offload, *other, [&] { never = true; }, second));
  other->end_tasks();
  EXPECT_FALSE(ended);
  loop->end_tasks();
  EXPECT_TRUE(ended);
  loop->run_until_idle();
  EXPECT_FALSE(first.done || second.done) << "nobody was left to go on";
  offload.stop();
  EXPECT_FALSE(never);
}

TEST_F(OffloadTest, WhatIsStoppedRefuses) {
  Offload offload;
  offload.stop();
  Seen seen;
  begin(offload, seen, [] {});
  EXPECT_EQ(seen.done, false);
}

}  // namespace
}  // namespace cardea::l7
