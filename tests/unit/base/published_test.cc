#include "base/published.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace cardea {
namespace {

// Counts the living and breaks what it held when it dies, so that a use after that is seen even without a sanitizer.
struct Value {
  explicit Value(uint64_t n, int& living) : first(n), second(~n), alive(living) { ++alive; }
  ~Value() { first = second = 0, --alive; }
  bool whole() const { return second == ~first; }
  uint64_t first, second;
  int& alive;
};

class PublishedTest : public testing::Test {
 protected:
  void publish(uint64_t n) { published_.publish(std::make_unique<const Value>(n, living_)); }

  int living_ = 0;
  QuietPoints readers_{2};
  Published<Value> published_{readers_};
};

TEST_F(PublishedTest, NothingIsThereBeforeTheFirst) {
  EXPECT_EQ(published_.load(), nullptr);
}

TEST_F(PublishedTest, WhoeverGoesOnIsToldFromWhoeverStandsStill) {
  const auto mark = [&] { return readers_.mark(); };
  readers_.wake(0);
  uint64_t since = mark(), woken = readers_.wakes(0);
  EXPECT_FALSE(readers_.went_on(0, since, woken)) << "awake, and in the same turn as before";
  readers_.quiet(0);
  EXPECT_TRUE(readers_.went_on(0, since, woken));

  readers_.sleep(0);
  since = mark(), woken = readers_.wakes(0);
  EXPECT_FALSE(readers_.went_on(0, since, woken)) << "who sleeps through a call is not well";
  readers_.wake(0), readers_.sleep(0);
  EXPECT_TRUE(readers_.went_on(0, since, woken));
  EXPECT_FALSE(readers_.went_on(1, since, readers_.wakes(1))) << "nor is one that has never begun";
}

TEST_F(PublishedTest, SleepersHoldNothingBack) {
  publish(1);
  publish(2);
  EXPECT_EQ(living_, 2);
  EXPECT_EQ(published_.reclaim(), 0u);
  EXPECT_EQ(living_, 1);
  EXPECT_EQ(published_.load()->first, 2u);
}

TEST_F(PublishedTest, EveryReaderHasToPassAQuietPointAfterTheSwap) {
  publish(1);
  readers_.wake(0), readers_.wake(1);
  const Value* held = published_.load();
  publish(2);
  readers_.quiet(0);
  EXPECT_EQ(published_.reclaim(), 1u) << "reader 1 may still use it";
  EXPECT_TRUE(held->whole());
  readers_.quiet(1);
  EXPECT_EQ(published_.reclaim(), 0u);
  EXPECT_EQ(living_, 1);
}

TEST_F(PublishedTest, AQuietPointBeforeTheSwapDoesNotCount) {
  publish(1);
  readers_.wake(0);
  readers_.quiet(0);
  publish(2);
  EXPECT_EQ(published_.reclaim(), 1u);
  readers_.sleep(0);
  EXPECT_EQ(published_.reclaim(), 0u);
}

TEST_F(PublishedTest, AReaderThatWokeAfterTheSwapDoesNotHoldTheOldOne) {
  publish(1);
  publish(2);
  readers_.wake(0);
  EXPECT_EQ(published_.reclaim(), 0u);
  EXPECT_TRUE(published_.load()->whole());
}

TEST_F(PublishedTest, OneQuietPointServesManyValues) {
  Published<Value> other(readers_);
  publish(1);
  other.publish(std::make_unique<const Value>(10, living_));
  readers_.wake(0);
  publish(2);
  other.publish(std::make_unique<const Value>(20, living_));
  EXPECT_EQ(living_, 4);
  readers_.quiet(0);
  EXPECT_EQ(published_.reclaim() + other.reclaim(), 0u);
  EXPECT_EQ(living_, 2);
}

TEST_F(PublishedTest, MarksAnswerForOtherThingsToo) {
  readers_.wake(1);
  const uint64_t mark = readers_.mark();
  EXPECT_FALSE(readers_.passed(mark));
  readers_.quiet(1);
  EXPECT_TRUE(readers_.passed(mark));
}

TEST(Published, TheLastValueGoesWithItsOwner) {
  int living = 0;
  QuietPoints readers(1);
  {
    Published<Value> published(readers);
    published.publish(std::make_unique<const Value>(1, living));
    published.publish(std::make_unique<const Value>(2, living));
    EXPECT_EQ(living, 2);
  }
  EXPECT_EQ(living, 0);
}

TEST(Published, ReadersOnOtherCoresNeverSeeAFreedValue) {
  int living = 0;
  std::atomic<bool> stop = false;
  std::atomic<uint64_t> broken = 0, backwards = 0, turns = 0;
  QuietPoints readers(3);
  Published<Value> published(readers);
  published.publish(std::make_unique<const Value>(1, living));

  const auto loop = [&](size_t reader) {
    uint64_t last = 0;
    readers.wake(reader);
    for (uint64_t i = 1; !stop; ++i) {
      const Value* value = published.load();
      broken += !value->whole();
      backwards += value->first < last;
      last = value->first;
      readers.quiet(reader);
      if (i % 64 == 0) {
        readers.sleep(reader);
        std::this_thread::yield();
        readers.wake(reader);
      }
      turns.fetch_add(1, std::memory_order_relaxed);
    }
    readers.sleep(reader);
  };
  std::vector<std::thread> threads;
  for (size_t reader = 0; reader < 3; ++reader) threads.emplace_back(loop, reader);
  for (uint64_t n = 2; n < 3000 || turns < 3000; ++n) {
    published.publish(std::make_unique<const Value>(n, living));
    if (published.reclaim() > 100) std::this_thread::yield();
  }
  stop = true;
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(published.reclaim(), 0u);
  EXPECT_EQ(living, 1);
  EXPECT_EQ(broken, 0u);
  EXPECT_EQ(backwards, 0u);
}

}  // namespace
}  // namespace cardea
