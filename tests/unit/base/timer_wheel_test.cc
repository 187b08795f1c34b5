#include "base/timer_wheel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <random>
#include <vector>

namespace cardea {
namespace {

using namespace std::chrono_literals;
using Timer = TimerWheel::Timer;

constexpr Instant kStart{1'000'000'123ns};

class TimerWheelTest : public testing::Test {
 protected:
  // Which of the test's timers fire up to this time after the start.
  std::vector<int> fired_by(std::chrono::nanoseconds after) {
    std::vector<int> fired;
    wheel_.advance(kStart + after, [&](Timer& timer) {
      EXPECT_FALSE(timer.armed());
      fired.push_back(int(&timer - timers_.data()));
    });
    return fired;
  }
  void arm(int timer, std::chrono::nanoseconds after) { wheel_.arm(timers_.at(size_t(timer)), kStart + after); }

  TimerWheel wheel_{kStart};
  std::array<Timer, 8> timers_;
};

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

TEST_F(TimerWheelTest, FiresNeverBeforeItsTimeAndAtMostATickAfter) {
  for (const auto delay : {1ns, 999'999ns, 1'000'000ns, 1'000'001ns, 63'000'000ns, 64'500'000ns, 4'096'000'001ns}) {
    TimerWheel wheel(kStart);
    Timer timer;
    wheel.arm(timer, kStart + delay);
    int fired = 0;
    wheel.advance(kStart + delay - 1ns, [&](Timer&) { ++fired; });
    EXPECT_EQ(fired, 0) << delay.count();
    wheel.advance(kStart + delay + 1ms - 1ns, [&](Timer&) { ++fired; });
    EXPECT_EQ(fired, 1) << delay.count();
  }
}

TEST_F(TimerWheelTest, InTheOrderOfTime) {
  arm(0, 5s), arm(1, 1ms), arm(2, 70ms), arm(3, 300s);
  EXPECT_THAT(fired_by(400s), ElementsAre(1, 2, 0, 3));
}

TEST_F(TimerWheelTest, TimesThatArePastFireAtTheNextTick) {
  EXPECT_THAT(fired_by(10s), IsEmpty());
  arm(0, 3s), arm(1, -5s), arm(2, 10s);
  EXPECT_THAT(fired_by(10s), IsEmpty());
  EXPECT_THAT(fired_by(10s + 1ms), UnorderedElementsAre(0, 1, 2));
}

TEST_F(TimerWheelTest, CancelledOnesDoNotFire) {
  arm(0, 10ms), arm(1, 10ms), arm(2, 10ms);
  timers_[1].cancel();
  timers_[1].cancel();
  EXPECT_FALSE(timers_[1].armed());
  EXPECT_TRUE(timers_[0].armed());
  EXPECT_THAT(fired_by(20ms), UnorderedElementsAre(0, 2));
}

TEST_F(TimerWheelTest, ArmedAgainItMoves) {
  arm(0, 10ms);
  arm(0, 5s);
  EXPECT_THAT(fired_by(4s), IsEmpty());
  arm(0, 4s + 1ms);
  EXPECT_THAT(fired_by(4s + 1ms), ElementsAre(0));
  EXPECT_THAT(fired_by(6s), IsEmpty());
}

TEST_F(TimerWheelTest, NeverMeansCancelled) {
  arm(0, 1ms);
  wheel_.arm(timers_[0], Instant::max());
  EXPECT_FALSE(timers_[0].armed());
}

TEST_F(TimerWheelTest, ATimerThatIsDestroyedIsCancelled) {
  auto timer = std::make_unique<Timer>();
  wheel_.arm(*timer, kStart + 2ms);
  arm(0, 2ms);
  timer.reset();
  EXPECT_THAT(fired_by(3ms), ElementsAre(0));
}

TEST_F(TimerWheelTest, FiringMayArmAndCancelOthersOfTheSameTick) {
  arm(0, 7ms), arm(1, 7ms);
  int fired = 0;
  wheel_.advance(kStart + 7ms, [&](Timer& timer) {
    ++fired;
    timers_[&timer == &timers_[0] ? 1 : 0].cancel();
    wheel_.arm(timers_[2], kStart);  // past: the next tick, not this one again
  });
  EXPECT_EQ(fired, 1);
  EXPECT_THAT(fired_by(8ms), ElementsAre(2));
}

TEST_F(TimerWheelTest, NextIsNeverLateAndFindsTheTimer) {
  EXPECT_EQ(wheel_.next(), Instant::max());
  arm(0, 90min);
  int asked = 0;
  while (timers_[0].armed()) {
    const Instant next = wheel_.next();
    ASSERT_LE(next, kStart + 90min);
    ASSERT_LT(++asked, 10) << "each answer has to come closer";
    wheel_.advance(next, [](Timer&) {});
  }
  EXPECT_EQ(wheel_.next(), Instant::max());
}

TEST_F(TimerWheelTest, YearsAhead) {
  arm(0, 24h * 400);
  arm(1, 24h * 13);  // more than one turn of the top level is 12.4 days
  EXPECT_THAT(fired_by(24h * 13 - 1ms), IsEmpty());
  EXPECT_THAT(fired_by(24h * 13), ElementsAre(1));
  EXPECT_THAT(fired_by(24h * 400 - 1ms), IsEmpty());
  EXPECT_THAT(fired_by(24h * 400), ElementsAre(0));
}

// The wheel against a sorted map, from a seed: arms, cancels and advances of every magnitude.
TEST_F(TimerWheelTest, AgreesWithASortedMap) {
  std::mt19937_64 random(11);
  std::deque<Timer> timers(500);
  std::multimap<int64_t, Timer*> expected;
  std::map<Timer*, int64_t> armed;
  const auto forget = [&](Timer* timer) {
    const auto [begin, end] = expected.equal_range(armed[timer]);
    for (auto at = begin; at != end; ++at)
      if (at->second == timer) {
        expected.erase(at);
        break;
      }
    armed.erase(timer);
  };
  int64_t now = 0;
  for (int round = 0; round < 20'000; ++round) {
    Timer& timer = timers[random() % timers.size()];
    if (armed.contains(&timer)) forget(&timer);
    if (random() % 4 == 0) {
      timer.cancel();
    } else {
      const int64_t tick = now + 1 + int64_t(random() % (uint64_t{1} << random() % 34));
      wheel_.arm(timer, kStart + tick * 1ms);
      expected.emplace(tick, &timer), armed[&timer] = tick;
    }
    if (random() % 8 != 0) continue;
    now += int64_t(random() % (uint64_t{1} << random() % 22));
    int64_t last = 0;
    wheel_.advance(kStart + now * 1ms, [&](Timer& fired) {
      ASSERT_TRUE(armed.contains(&fired));
      ASSERT_GE(armed[&fired], last);
      ASSERT_EQ(armed[&fired], expected.begin()->first);
      last = armed[&fired];
      forget(&fired);
    });
    ASSERT_TRUE(expected.empty() || expected.begin()->first > now) << "round " << round;
    ASSERT_LE(wheel_.next(), expected.empty() ? Instant::max() : kStart + expected.begin()->first * 1ms);
  }
  EXPECT_GT(expected.size(), 0u);
}

}  // namespace
}  // namespace cardea
