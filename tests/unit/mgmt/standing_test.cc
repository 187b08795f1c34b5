#include "mgmt/standing.h"

#include <gtest/gtest.h>

#include "tests/unit/mgmt/sample_config.h"

namespace cardea::mgmt {
namespace {

struct Row {
  Order order;
  bool healthy;
  State expected;
  uint32_t ring_weight;
};

TEST(Standing, JudgesOperatorAndHealthTogether) {
  const auto backend = testing::backend("10.0.0.1:80", 7);
  for (const auto& row : {Row{Order::kReady, true, State::kUp, 7}, Row{Order::kReady, false, State::kDown, 0},
                          Row{Order::kDrain, true, State::kDrain, 0}, Row{Order::kDrain, false, State::kDown, 0},
                          Row{Order::kMaint, true, State::kMaint, 0}, Row{Order::kMaint, false, State::kMaint, 0}}) {
    const auto standing = judge(backend, {row.order, {}}, row.healthy);
    EXPECT_EQ(standing.state, row.expected) << name(row.order) << ", healthy " << row.healthy;
    EXPECT_EQ(standing.ring_weight(), row.ring_weight) << name(row.order) << ", healthy " << row.healthy;
  }
}

TEST(Standing, AnOperatorsWeightBeatsTheFiles) {
  const auto backend = testing::backend("10.0.0.1:80", 7);
  EXPECT_EQ(judge(backend, {Order::kReady, 2}, true).ring_weight(), 2u);
  EXPECT_EQ(judge(backend, {Order::kReady, 0}, true).ring_weight(), 0u);
  EXPECT_EQ(judge(backend, {Order::kReady, 0}, true).state, State::kUp);
}

TEST(Standing, WordsOfOperatorsAreReadBack) {
  for (const Order order : {Order::kReady, Order::kDrain, Order::kMaint}) EXPECT_EQ(order_of(name(order)), order);
  EXPECT_FALSE(order_of("up"));
  EXPECT_FALSE(order_of(""));
}

}  // namespace
}  // namespace cardea::mgmt
