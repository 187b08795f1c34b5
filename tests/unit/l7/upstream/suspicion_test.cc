// What a shard makes of a backend's failures: when it is passed over, for how long, and what ends that.
#include "l7/upstream/suspicion.h"

#include <gtest/gtest.h>

namespace cardea::l7::upstream {
namespace {

using namespace std::chrono_literals;

constexpr Instant kBegin{1000s};

TEST(Suspicion, ARefusedConnectionIsEnoughForASecond) {
  Suspicion its;
  EXPECT_FALSE(its.suspect(kBegin));
  its.connect_failed(kBegin);
  EXPECT_TRUE(its.suspect(kBegin));
  EXPECT_TRUE(its.suspect(kBegin + 999ms));
  EXPECT_FALSE(its.suspect(kBegin + 1s));
}

TEST(Suspicion, PausesGrowToTenSeconds) {
  Suspicion its;
  Instant now = kBegin;
  for (const auto pause : {1s, 2s, 4s, 8s, 10s, 10s}) {
    its.connect_failed(now);
    EXPECT_TRUE(its.suspect(now + pause - 1ms)) << pause.count();
    EXPECT_FALSE(its.suspect(now + pause)) << pause.count();
    now += pause;
  }
}

TEST(Suspicion, WhatFailsDuringAPauseBeganBeforeIt) {
  Suspicion its;
  its.connect_failed(kBegin);
  for (int i = 0; i < 10; ++i) its.connect_failed(kBegin + 500ms);
  EXPECT_FALSE(its.suspect(kBegin + 1s));
  its.connect_failed(kBegin + 1s);
  EXPECT_FALSE(its.suspect(kBegin + 3s)) << "the second pause, not the eleventh";
}

TEST(Suspicion, ExchangesThatBreakOffCountInARow) {
  Suspicion its;
  for (int i = 1; i < Suspicion::kFailuresMax; ++i) {
    its.exchange_failed(kBegin);
    EXPECT_FALSE(its.suspect(kBegin)) << i;
  }
  its.answered();
  for (int i = 1; i < Suspicion::kFailuresMax; ++i) its.exchange_failed(kBegin);
  EXPECT_FALSE(its.suspect(kBegin)) << "one between them was answered";
  its.exchange_failed(kBegin);
  EXPECT_TRUE(its.suspect(kBegin));
}

TEST(Suspicion, AcceptingProvesLittle) {
  Suspicion its;
  its.connect_failed(kBegin);
  its.connected();
  EXPECT_FALSE(its.suspect(kBegin)) << "of refused connections it proves enough";
  for (int i = 1; i < Suspicion::kFailuresMax; ++i) its.exchange_failed(kBegin);
  its.connected();
  its.exchange_failed(kBegin);
  EXPECT_TRUE(its.suspect(kBegin)) << "of broken exchanges nothing";
  its.connected();
  EXPECT_TRUE(its.suspect(kBegin));
  its.answered();
  EXPECT_FALSE(its.suspect(kBegin));
}

TEST(Suspicion, BehindAPauseOneTriesAndTheOthersWait) {
  Suspicion its;
  its.tried(kBegin);
  EXPECT_FALSE(its.suspect(kBegin)) << "nobody is suspected for being asked";
  its.connect_failed(kBegin);
  const Instant over = kBegin + 1s;
  its.tried(over);
  EXPECT_TRUE(its.suspect(over + 999ms));
  EXPECT_FALSE(its.suspect(over + 1s)) << "that one may never come back";
  its.tried(over + 1s);
  its.connected();
  EXPECT_FALSE(its.suspect(over + 1s));
}

}  // namespace
}  // namespace cardea::l7::upstream
