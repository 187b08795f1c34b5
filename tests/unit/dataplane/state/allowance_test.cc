#include "dataplane/state/allowance.h"

#include <gtest/gtest.h>

namespace cardea::dataplane {
namespace {

constexpr uint32_t kRate = 1000;

TEST(Allowance, ATenthOfASecondIsSavedUp) {
  Allowance allowance;
  EXPECT_EQ(allowance.take(1000, kRate, 5), 100u);
  EXPECT_EQ(allowance.take(1, kRate, 5), 0u);
  EXPECT_EQ(allowance.take(1000, kRate, 5 + 60'000'000), 100u) << "a minute saves no more";
}

TEST(Allowance, OverASecondTheRateIsKeptHoweverOftenItIsAsked) {
  for (const uint64_t step : {1u, 7u, 333u, 1000u, 49'999u}) {
    Allowance allowance;
    uint64_t now = 0, passed = allowance.take(1000, kRate, now) - 100u;
    while (now < 1'000'000) passed += allowance.take(1000, kRate, now += step);
    EXPECT_GE(passed, 999u) << step;
    EXPECT_LE(passed, 1051u) << step;
  }
}

TEST(Allowance, APacketMayPassWhateverTheRateIs) {
  Allowance allowance;
  EXPECT_EQ(allowance.take(5, 1, 0), 1u);
  EXPECT_EQ(allowance.take(5, 1, 999'999), 0u);
  EXPECT_EQ(allowance.take(5, 1, 1'000'000), 1u);
}

TEST(Allowance, ALowerRateHoldsAtOnce) {
  Allowance allowance;
  allowance.take(0, 1'000'000, 0);
  EXPECT_EQ(allowance.take(100'000, 10, 1), 1u);
}

}  // namespace
}  // namespace cardea::dataplane
