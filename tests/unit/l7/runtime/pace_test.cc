// How long a slow peer is waited for, by numbers alone.
#include "l7/runtime/pace.h"

#include <gtest/gtest.h>

namespace cardea::l7 {
namespace {

using namespace std::chrono_literals;

constexpr PaceLimits kLimits{.stall = 30s, .rate_min = 100, .window = 10s};
constexpr PaceLimits kAnyRate{.stall = 30s};

Instant at(std::chrono::milliseconds after) {
  return Instant{} + 1h + after;
}

TEST(Pace, AtAnyRateAPauseEndsIt) {
  Pace pace(kAnyRate);
  EXPECT_EQ(pace.wait(at(0s)), at(30s));
  EXPECT_EQ(pace.wait(at(29s)), at(30s)) << "asking is no progress";
  EXPECT_EQ(pace.wait(at(30s)), at(30s));
  EXPECT_FALSE(pace.too_slow());
}

TEST(Pace, EachByteBeginsThePauseAnew) {
  Pace pace(kAnyRate);
  Instant now = at(0s);
  for (int i = 0; i < 1000; ++i) {
    pace.moved(1);
    EXPECT_EQ(pace.wait(now), now + 30s);
    now += 29s;
  }
}

TEST(Pace, BelowTheRateItIsOverAfterAWindow) {
  Pace pace(kLimits);
  Instant now = at(0s);
  for (int i = 0; i < 100 && pace.wait(now) > now; ++i) {
    now += 1s;
    pace.moved(1);
  }
  EXPECT_GE(now, at(10s));
  EXPECT_LE(now, at(11s)) << "100 bytes would have bought a second, 10 buy a tenth";
  EXPECT_TRUE(pace.too_slow());
}

TEST(Pace, AtTheRateItIsNeverOver) {
  Pace pace(kLimits);
  Instant now = at(0s);
  for (int i = 0; i < 10'000; ++i) {
    EXPECT_GT(pace.wait(now), now);
    now += 5s;
    pace.moved(500);
  }
}

TEST(Pace, WhatWasFastMayPauseForAWindowAndNoLonger) {
  Pace pace(kLimits);
  EXPECT_EQ(pace.wait(at(0s)), at(10s));
  pace.moved(uint64_t{1} << 60);
  EXPECT_EQ(pace.wait(at(9s)), at(19s));
}

TEST(Pace, OnlyWaitingCounts) {
  Pace pace(kLimits);
  EXPECT_EQ(pace.wait(at(0s)), at(10s));
  pace.resume(at(4s));
  EXPECT_EQ(pace.wait(at(1h)), at(1h) + 6s) << "an hour of a slow backend is not the client's";
}

// The kernel takes bytes for a peer that does not.
TEST(Pace, WhatHasNotArrivedIsNoProgress) {
  Pace pace(kLimits);
  pace.moved(80'000);
  EXPECT_EQ(pace.wait(at(0s), 80'000), at(10s));
  pace.moved(20'000);
  EXPECT_EQ(pace.wait(at(5s), 100'000), at(10s));
  EXPECT_EQ(pace.wait(at(9s), 99'700), at(13s)) << "300 bytes at 100 a second";
}

// What was pending when it began belongs to something before it.
TEST(Pace, BeginsWithWhatIsPendingFromBefore) {
  Pace pace(kAnyRate);
  EXPECT_EQ(pace.wait(at(0s), 50'000), at(30s));
  EXPECT_EQ(pace.wait(at(10s), 50'000), at(30s));
  EXPECT_EQ(pace.wait(at(20s), 49'999), at(50s));
}

}  // namespace
}  // namespace cardea::l7
