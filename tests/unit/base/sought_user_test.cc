#include "base/sought_user.h"

#include <gtest/gtest.h>

namespace cardea {
namespace {

TEST(SoughtUser, IsLookedUpNowAndThenUntilHeIsThere) {
  std::optional<uid_t> there;
  int looks = 0;
  SoughtUser user("somebody", [&](const std::string& name) {
    EXPECT_EQ(name, "somebody");
    return ++looks, there;
  });
  const Instant begin = monotonic_now();
  EXPECT_FALSE(user.known());
  for (int i = 0; i < 3; ++i) user.seek(begin);
  EXPECT_EQ(looks, 1) << "not all the time";
  there = 0;
  user.seek(begin + SoughtUser::kPause / 2);
  EXPECT_FALSE(user.known());
  user.seek(begin + SoughtUser::kPause);
  EXPECT_EQ(user.known(), std::optional<uid_t>(0));
  user.seek(begin + 10 * SoughtUser::kPause);
  EXPECT_EQ(looks, 2) << "known, he stays who he is";
}

}  // namespace
}  // namespace cardea
