#include "dataplane/state/conversations.h"

#include <gtest/gtest.h>

namespace cardea::dataplane {
namespace {

constexpr HashKey kKey{1, 2};

uint64_t hash_of(uint32_t number) {
  return Conversations::hash(kKey, {IpAddress::parse("192.0.2.1").value(), IpAddress::parse("192.0.2.2").value(),
                                    uint16_t(number), uint16_t(number >> 16), Protocol::kTcp});
}

TEST(Conversations, WhatWasSaidIsKnownUntilItWasSilentForTooLong) {
  Conversations talks;
  EXPECT_FALSE(talks.knows(hash_of(1), 1000));
  talks.remember(hash_of(1), 1000);
  EXPECT_TRUE(talks.knows(hash_of(1), 1000));
  EXPECT_TRUE(talks.knows(hash_of(1), 1000 + Conversations::kPatienceS));
  EXPECT_FALSE(talks.knows(hash_of(1), 1001 + Conversations::kPatienceS));
  EXPECT_FALSE(talks.knows(hash_of(2), 1000));
  talks.remember(hash_of(1), 1500);
  EXPECT_TRUE(talks.knows(hash_of(1), 1500 + Conversations::kPatienceS)) << "saying more renews it";
}

TEST(Conversations, TheSecondsMayWrap) {
  Conversations talks;
  talks.remember(hash_of(1), 0xffff);
  EXPECT_TRUE(talks.knows(hash_of(1), 0x10000 + 10));
  talks.remember(hash_of(2), 0);
  EXPECT_TRUE(talks.knows(hash_of(2), 0));
}

TEST(Conversations, AHundredThousandFitAndStrangersStaySo) {
  Conversations talks;
  constexpr uint32_t kMany = 100'000;
  for (uint32_t i = 0; i < kMany; ++i) talks.remember(hash_of(i), 50);
  uint32_t known = 0, strangers = 0;
  for (uint32_t i = 0; i < kMany; ++i) known += talks.knows(hash_of(i), 50);
  for (uint32_t i = kMany; i < 2 * kMany; ++i) strangers += talks.knows(hash_of(i), 50);
  EXPECT_GE(known, kMany * 98 / 100);
  EXPECT_LE(strangers, kMany / 1000);
}

TEST(Conversations, InAFullBucketTheOldestGivesWay) {
  Conversations talks;
  const auto in_one_bucket = [](uint64_t n) { return n << 50 | 7; };
  for (uint32_t i = 1; i <= Conversations::kWays; ++i) EXPECT_TRUE(talks.remember(in_one_bucket(i), 10 + i));
  EXPECT_TRUE(talks.remember(in_one_bucket(1), 20)) << "the first is the youngest now, the second the oldest";
  EXPECT_FALSE(talks.remember(in_one_bucket(9), 21)) << "at another's cost";
  EXPECT_FALSE(talks.knows(in_one_bucket(2), 21));
  for (const uint64_t n : {1, 3, 4, 9}) EXPECT_TRUE(talks.knows(in_one_bucket(n), 21)) << n;
  EXPECT_TRUE(talks.remember(in_one_bucket(2), 14 + Conversations::kPatienceS)) << "the third had ended long ago";
}

}  // namespace
}  // namespace cardea::dataplane
