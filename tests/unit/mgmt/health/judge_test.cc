#include "mgmt/health/judge.h"

#include <gtest/gtest.h>

namespace cardea::mgmt::health {
namespace {

Judge::Time at(int seconds) {
  return Judge::Time(std::chrono::seconds(seconds));
}

TEST(Judge, FallsAfterThatManyFailuresInARow) {
  Judge judge(2, 3, true, at(0));
  EXPECT_FALSE(judge.observe(false, at(1)));
  EXPECT_FALSE(judge.observe(false, at(2)));
  EXPECT_TRUE(judge.up());
  EXPECT_EQ(judge.streak(), 2u);
  EXPECT_TRUE(judge.observe(false, at(3)));
  EXPECT_FALSE(judge.up());
  EXPECT_EQ(judge.since(), at(3));
  EXPECT_EQ(judge.streak(), 0u);
}

TEST(Judge, OnePassEndsAStreakOfFailures) {
  Judge judge(2, 3, true, at(0));
  judge.observe(false, at(1));
  judge.observe(false, at(2));
  EXPECT_FALSE(judge.observe(true, at(3)));
  EXPECT_EQ(judge.streak(), 0u);
  EXPECT_FALSE(judge.observe(false, at(4)));
  EXPECT_FALSE(judge.observe(false, at(5)));
  EXPECT_TRUE(judge.up());
}

TEST(Judge, RisesAfterThatManyPassesInARow) {
  Judge judge(2, 3, false, at(0));
  EXPECT_FALSE(judge.observe(true, at(1)));
  EXPECT_FALSE(judge.observe(false, at(2)));
  EXPECT_FALSE(judge.observe(true, at(3)));
  EXPECT_FALSE(judge.up());
  EXPECT_TRUE(judge.observe(true, at(4)));
  EXPECT_TRUE(judge.up());
  EXPECT_EQ(judge.since(), at(4));
}

TEST(Judge, ResultsThatAgreeChangeNothing) {
  Judge judge(1, 1, true, at(0));
  EXPECT_FALSE(judge.observe(true, at(1)));
  EXPECT_EQ(judge.since(), at(0));
  EXPECT_TRUE(judge.observe(false, at(2)));
  EXPECT_FALSE(judge.observe(false, at(3)));
  EXPECT_EQ(judge.since(), at(2));
}

}  // namespace
}  // namespace cardea::mgmt::health
