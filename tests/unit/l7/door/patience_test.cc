#include "l7/door/patience.h"

#include <gtest/gtest.h>

namespace cardea::l7::door {
namespace {

using namespace std::chrono_literals;

// Packets every so often; whether they are met awake after a while.
bool met_awake(std::chrono::microseconds pause) {
  Patience patience;
  Instant now{1s};
  bool awake = false;
  for (int i = 0; i < 50; ++i) {
    patience.came(now);
    const Instant next = now + pause;
    awake = next < now + patience.window();
    if (!awake) patience.sleeps(now + patience.window());
    now = next;
  }
  return awake;
}

TEST(Patience, WhatComesSoonIsMetAwakeAndWhatComesSeldomIsNotWaitedFor) {
  EXPECT_TRUE(met_awake(10us));
  EXPECT_TRUE(met_awake(40us));
  EXPECT_FALSE(met_awake(200us));
}

TEST(Patience, WhoSleepsInVainLooksLessAndLessLong) {
  Patience patience;
  Instant now{1s};
  for (int i = 0; i < 10; ++i) {
    patience.came(now);
    EXPECT_FALSE(patience.over(now));
    now += patience.window();
    EXPECT_TRUE(patience.over(now));
    patience.sleeps(now);
    now += 1ms;
  }
  EXPECT_EQ(patience.window(), Patience::kLeast);
}

TEST(Patience, ASleepThatWasCutShortAtOnceWasOneTooMany) {
  Patience patience;
  Instant now{1s};
  for (int i = 0; i < 10; ++i) {
    patience.came(now);
    patience.sleeps(now += 60us);
    now += 1ms;
  }
  patience.came(now);
  patience.sleeps(now += 3us);
  patience.came(now += 20us);
  EXPECT_EQ(patience.window(), Patience::kMost);
}

}  // namespace
}  // namespace cardea::l7::door
