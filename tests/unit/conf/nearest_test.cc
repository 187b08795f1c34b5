#include "conf/nearest.h"

#include <gtest/gtest.h>

namespace cardea::conf {
namespace {

TEST(Nearest, DistanceCountsSwapsAsOne) {
  EXPECT_EQ(edit_distance("weight", "weight"), 0u);
  EXPECT_EQ(edit_distance("wieght", "weight"), 1u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
  EXPECT_EQ(edit_distance("WEB", "web"), 0u);
  EXPECT_EQ(edit_distance(std::string(500, 'a'), std::string(900, 'a')), 0u);
}

TEST(Nearest, ChoosesTheClosestOrNone) {
  const std::vector<std::string> known = {"interval", "timeout", "rise", "fall"};
  EXPECT_EQ(nearest("intervall", known), "interval");
  EXPECT_EQ(nearest("time", known), "timeout");
  EXPECT_EQ(nearest("colour", known), "");
  EXPECT_EQ(nearest("x", {"a", "b"}), "");
  EXPECT_EQ(nearest("fail", {"fall", "rail"}), "fall") << "the first of those that are as near";
}

}  // namespace
}  // namespace cardea::conf
