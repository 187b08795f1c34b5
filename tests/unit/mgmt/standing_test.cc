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
  const auto backend = test::backend("10.0.0.1:80", 7);
  for (const auto& row : {Row{Order::kReady, true, State::kUp, 7}, Row{Order::kReady, false, State::kDown, 0},
                          Row{Order::kDrain, true, State::kDrain, 0}, Row{Order::kDrain, false, State::kDown, 0},
                          Row{Order::kMaint, true, State::kMaint, 0}, Row{Order::kMaint, false, State::kMaint, 0}}) {
    const auto standing = judge(backend, {row.order, {}}, row.healthy);
    EXPECT_EQ(standing.state, row.expected) << name(row.order) << ", healthy " << row.healthy;
    EXPECT_EQ(standing.ring_weight(), row.ring_weight) << name(row.order) << ", healthy " << row.healthy;
  }
}

TEST(Standing, AnOperatorsWeightBeatsTheFiles) {
  const auto backend = test::backend("10.0.0.1:80", 7);
  EXPECT_EQ(judge(backend, {Order::kReady, 2}, true).ring_weight(), 2u);
  EXPECT_EQ(judge(backend, {Order::kReady, 0}, true).ring_weight(), 0u);
  EXPECT_EQ(judge(backend, {Order::kReady, 0}, true).state, State::kUp);
}

conf::Pool pool(std::initializer_list<bool> backups, uint32_t panic_below = 0) {
  conf::Pool made;
  made.panic_below = panic_below;
  for (const bool backup : backups) {
    made.backends.push_back(test::backend("10.0.0.1:80", 1));
    made.backends.back().backup = backup;
  }
  return made;
}

std::vector<uint32_t> weights(const conf::Pool& pool, std::initializer_list<Standing> standings) {
  std::vector<Standing> all(standings);
  judge_together(pool, all);
  std::vector<uint32_t> weights;
  for (const Standing& one : all) weights.push_back(one.ring_weight());
  return weights;
}

const Standing kUp{State::kUp, 1}, kDown{State::kDown, 1}, kDrain{State::kDrain, 1}, kMaint{State::kMaint, 1};
const Standing kDownAndDrained{State::kDown, 1, true};
using Weights = std::vector<uint32_t>;

TEST(Standing, BackupsStandByWhileSomebodyElseServes) {
  const conf::Pool two = pool({false, false, true, true});
  EXPECT_EQ(weights(two, {kUp, kDown, kUp, kUp}), (Weights{1, 0, 0, 0}));
  EXPECT_EQ(weights(two, {kDown, kDrain, kUp, kDown}), (Weights{0, 0, 1, 0}));
  EXPECT_EQ(weights(two, {Standing{State::kUp, 0}, kMaint, kUp, kUp}), (Weights{0, 0, 1, 1}))
      << "of weight 0 it serves nobody";
  EXPECT_EQ(weights(pool({true, true}), {kUp, kUp}), (Weights{1, 1})) << "backups of nobody";
}

TEST(Standing, InPanicAllAreUsedThatNoOperatorHoldsBack) {
  const conf::Pool half = pool({false, false, false, false}, 50);
  EXPECT_EQ(weights(half, {kUp, kUp, kDown, kDown}), (Weights{1, 1, 0, 0})) << "half is not less than half";
  EXPECT_EQ(weights(half, {kUp, kDown, kDown, kDown}), (Weights{1, 1, 1, 1}));
  EXPECT_EQ(weights(half, {kDown, kDown, kDown, kDown}), (Weights{1, 1, 1, 1}));
  EXPECT_EQ(weights(half, {kUp, kDownAndDrained, kDrain, kMaint}), (Weights{1, 0, 0, 0})) << "all that may be up is";
  EXPECT_EQ(weights(half, {kDown, kDownAndDrained, kDrain, kMaint}), (Weights{1, 0, 0, 0}));
  EXPECT_EQ(weights(pool({false, false}), {kDown, kDown}), (Weights{0, 0})) << "only where it is asked for";
  EXPECT_EQ(weights(pool({false, true}, 60), {kDown, kUp}), (Weights{1, 1})) << "backups count, and are used";
}

TEST(Standing, WhatIsForcedIsToldAsUpAndShownAsDown) {
  std::vector<Standing> all{kDown, kDown};
  EXPECT_TRUE(judge_together(pool({false, false}, 1), all));
  EXPECT_EQ(all[0].state, State::kDown);
  EXPECT_EQ(all[0].used_state(), State::kUp);
  all[0].state = all[1].state = State::kUp;
  EXPECT_FALSE(judge_together(pool({false, false}, 1), all));
  EXPECT_FALSE(all[0].forced);
}

TEST(Standing, WordsOfOperatorsAreReadBack) {
  for (const Order order : {Order::kReady, Order::kDrain, Order::kMaint}) EXPECT_EQ(order_of(name(order)), order);
  EXPECT_FALSE(order_of("up"));
  EXPECT_FALSE(order_of(""));
}

}  // namespace
}  // namespace cardea::mgmt
