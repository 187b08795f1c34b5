#include "dataplane/state/neighbours.h"

#include <gtest/gtest.h>

namespace cardea::dataplane {
namespace {

using namespace std::chrono_literals;
using Report = Neighbours::Report;
using State = Neighbours::State;

const std::array<uint8_t, 6> kMac{2, 0, 0, 0, 0, 1}, kOtherMac{2, 0, 0, 0, 0, 2};
const Instant kStart{100s};

Neighbours::Key key(uint32_t host, uint16_t port = 0) {
  return {port, IpAddress::v4(0x0a000000 + host)};
}

TEST(Neighbours, IsAskedForOnceASecondUntilItAnswers) {
  Neighbours neighbours(16);
  EXPECT_TRUE(neighbours.ask(key(1), kStart));
  EXPECT_FALSE(neighbours.ask(key(1), kStart + 1ms));
  EXPECT_TRUE(neighbours.ask(key(1), kStart + 1s));
  EXPECT_TRUE(neighbours.report(key(1), Report::kReachable, kMac, kStart + 1100ms));
  EXPECT_FALSE(neighbours.ask(key(1), kStart + 10s));
  EXPECT_EQ(neighbours.find(key(1))->mac, kMac);
}

TEST(Neighbours, OnlyWhatWorkersSeeIsAChange) {
  Neighbours neighbours(16);
  EXPECT_FALSE(neighbours.report(key(1), Report::kIncomplete, {}, kStart));
  EXPECT_TRUE(neighbours.report(key(1), Report::kReachable, kMac, kStart));
  EXPECT_FALSE(neighbours.report(key(1), Report::kReachable, kMac, kStart));
  EXPECT_FALSE(neighbours.report(key(1), Report::kIncomplete, {}, kStart))
      << "the old address serves while the kernel asks again";
  EXPECT_EQ(neighbours.find(key(1))->state, State::kResolved);
  EXPECT_TRUE(neighbours.report(key(1), Report::kReachable, kOtherMac, kStart));
  EXPECT_TRUE(neighbours.report(key(1), Report::kGone, {}, kStart));
  EXPECT_FALSE(neighbours.report(key(1), Report::kGone, {}, kStart));
}

TEST(Neighbours, AFailureIsForgottenSoThatItIsTriedAgain) {
  Neighbours neighbours(16);
  neighbours.ask(key(1), kStart);
  EXPECT_TRUE(neighbours.report(key(1), Report::kFailed, {}, kStart + 3s));
  EXPECT_FALSE(neighbours.tick(kStart + 4s).changed);
  EXPECT_TRUE(neighbours.tick(kStart + 6s).changed);
  EXPECT_EQ(neighbours.find(key(1)), nullptr);
  EXPECT_TRUE(neighbours.ask(key(1), kStart + 6s));
}

TEST(Neighbours, WhatThePlanNeedsIsAskedForWithoutEnd) {
  Neighbours neighbours(16);
  neighbours.need({key(1)});
  EXPECT_EQ(neighbours.tick(kStart).ask, std::vector{key(1)});
  EXPECT_TRUE(neighbours.report(key(1), Report::kFailed, {}, kStart + 500ms));
  EXPECT_EQ(neighbours.tick(kStart + 2s).ask, std::vector{key(1)});
  EXPECT_EQ(neighbours.tick(kStart + 60s).ask, std::vector{key(1)});
  EXPECT_EQ(neighbours.find(key(1))->state, State::kFailed)
      << "kept as failed, so that its packets are dropped at once";
}

TEST(Neighbours, AResolvedOneIsRefreshed) {
  Neighbours neighbours(16);
  neighbours.report(key(1), Report::kReachable, kMac, kStart);
  EXPECT_TRUE(neighbours.tick(kStart + 29s).ask.empty());
  EXPECT_EQ(neighbours.tick(kStart + 30s).ask, std::vector{key(1)});
}

TEST(Neighbours, RemembersNoMoreThanItsLimit) {
  Neighbours neighbours(2);
  EXPECT_TRUE(neighbours.ask(key(1), kStart));
  EXPECT_TRUE(neighbours.ask(key(2), kStart));
  EXPECT_FALSE(neighbours.ask(key(3), kStart));
  EXPECT_EQ(neighbours.size(), 2u);
  EXPECT_EQ(neighbours.refused(), 1u);
  neighbours.tick(kStart + 2999ms);
  EXPECT_FALSE(neighbours.ask(key(3), kStart + 2999ms)) << "an answer may still come";
  neighbours.tick(kStart + 3s);  // questions without an answer make room
  EXPECT_TRUE(neighbours.ask(key(3), kStart + 3s));
}

TEST(Neighbours, TheSameAddressOnTwoPortsIsTwoNeighbours) {
  Neighbours neighbours(16);
  neighbours.report(key(1, 0), Report::kReachable, kMac, kStart);
  neighbours.report(key(1, 1), Report::kReachable, kOtherMac, kStart);
  EXPECT_EQ(neighbours.find(key(1, 0))->mac, kMac);
  EXPECT_EQ(neighbours.find(key(1, 1))->mac, kOtherMac);
}

}  // namespace
}  // namespace cardea::dataplane
