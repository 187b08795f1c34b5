// The order of turns: shares, spread, and what is too large to be exact.
#include "l7/plan/turn_order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

namespace cardea::l7 {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<size_t> shares(const std::vector<uint16_t>& order, size_t count) {
  std::vector<size_t> counts(count);
  for (const uint16_t at : order) counts.at(at)++;
  return counts;
}

TEST(TurnOrder, EqualsAlternate) {
  EXPECT_THAT(turn_order(std::array<uint32_t, 3>{7, 7, 7}), ElementsAre(0, 1, 2));
}

TEST(TurnOrder, SharesAreTheWeights) {
  const auto order = turn_order(std::array<uint32_t, 4>{60, 0, 30, 10});
  EXPECT_THAT(shares(order, 4), ElementsAre(6, 0, 3, 1));
}

TEST(TurnOrder, NobodyWaitsMuchLongerThanItsShare) {
  const std::array<uint32_t, 3> weights{5, 3, 2};
  const auto order = turn_order(weights);
  ASSERT_EQ(order.size(), 10u);
  for (size_t whose = 0; whose < 3; ++whose) {
    size_t last = 0, gap = 0;
    for (size_t i = 1; i <= 20; ++i)
      if (order[i % 10] == whose) gap = std::max(gap, last == 0 ? 0 : i - last), last = i;
    EXPECT_LE(gap, 10 / weights[whose] + 1) << whose;
  }
}

TEST(TurnOrder, NobodyHasNoTurn) {
  EXPECT_THAT(turn_order({}), IsEmpty());
  EXPECT_THAT(turn_order(std::array<uint32_t, 2>{0, 0}), IsEmpty());
}

TEST(TurnOrder, LargeSumsAreRoundedAndNobodyIsRoundedAway) {
  const auto order = turn_order(std::array<uint32_t, 3>{65535, 65534, 1});
  EXPECT_LE(order.size(), kTurnsMax + 1);
  EXPECT_THAT(shares(order, 3), ElementsAre(2048, 2047, 1));
  EXPECT_EQ(turn_order(std::vector<uint32_t>(20'000, 65535)).size(), 20'000u);
}

}  // namespace
}  // namespace cardea::l7
