// Narrow ways: learnt once, believed for ten minutes, bounded.
#include "dataplane/state/path_mtus.h"

#include <gtest/gtest.h>

namespace cardea::dataplane {
namespace {

using namespace std::chrono_literals;
const Instant kStart{1000s};
IpAddress address(uint32_t number) {
  return IpAddress::v4(0x0a000000 + number);
}

TEST(PathMtus, OnlyGetSmallerUntilTheirTimeIsOver) {
  PathMtus ways;
  EXPECT_TRUE(ways.learn(address(1), 1400, kStart));
  EXPECT_FALSE(ways.learn(address(1), 1400, kStart + 1s));
  EXPECT_FALSE(ways.learn(address(1), 1450, kStart + 1s));
  EXPECT_TRUE(ways.knows(address(1), 1400));
  EXPECT_FALSE(ways.knows(address(1), 1399));
  EXPECT_TRUE(ways.learn(address(1), 1300, kStart + 2s));
  EXPECT_FALSE(ways.expire(kStart + 10min));
  EXPECT_TRUE(ways.expire(kStart + 10min + 2s));
  EXPECT_EQ(ways.size(), 0u);
  EXPECT_TRUE(ways.learn(address(1), 1450, kStart + 11min)) << "it may have become wider";
}

TEST(PathMtus, TheOldestGivesWay) {
  PathMtus ways;
  for (uint32_t i = 0; i < PathMtus::kMax; ++i) ways.learn(address(i), 1400, kStart + std::chrono::seconds(i));
  EXPECT_TRUE(ways.learn(address(99999), 1400, kStart + 2000s));
  EXPECT_EQ(ways.size(), PathMtus::kMax);
  EXPECT_FALSE(ways.knows(address(0), 1400));
  EXPECT_TRUE(ways.knows(address(1), 1400) && ways.knows(address(99999), 1400));
}

}  // namespace
}  // namespace cardea::dataplane
