// A worker with ten million flows: what it does of its own between two bursts stays small, and who asks about all of
// them waits for a walk in small steps. Bounds are by what is looked at, never by a clock.
#include <gtest/gtest.h>

#include "base/stats.h"
#include "tests/packets/connection.h"

namespace cardea::dataplane::test {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(__clang__)
constexpr uint32_t kFlows = 500'000;  // a sanitizer may be on, which takes ten times as long
#else
constexpr uint32_t kFlows = 10'000'000;
#endif
constexpr uint32_t kGroups = kFlows / 4;  // of IPv4 tunnels
constexpr uint32_t kFlowsAStep = 4 * Ageing::kGroupsAStep;

const FlowTuple kPacket = tuple("198.51.100.7:5555", "203.0.113.2:80");

FlowTuple client(uint32_t number) {
  FlowTuple t = kPacket;
  t.source = IpAddress::v4(10u << 24 | number);
  return t;
}

class LargeTable : public testing::Test {
 protected:
  LargeTable() : site_({.flows = kFlows / 7 * 8 + 64}) {
    FlowHead head{site_.worker.now_ms,
                  0,
                  *site_.registry->service("tunnel4"),
                  FlowState::kEstablished,
                  Protocol::kTcp,
                  kPacket.source_port_be,
                  kPacket.destination_port_be};
    for (uint32_t i = 0; i < kFlows; ++i) {
      const FlowTuple t = client(i);
      if (site_.worker.flows.insert(flow_hash(site_.plan->hash_key, t), t, head) == kNoFlow) break;
    }
    stats::set(&flows_of_slot(), site_.worker.flows.size());
  }
  uint64_t& flows_of_slot() { return site_.worker.cells[site_.plan->slots[0].cells.flows]; }

  Site site_;
};

TEST_F(LargeTable, AgesAFewGroupsATurnAndAllOfThemInTheEnd) {
  ASSERT_EQ(site_.worker.flows.size(), kFlows);
  ASSERT_GE(site_.worker.flows.groups(), kGroups);
  site_.worker.now_ms += site_.plan->settings.timeouts.tcp_established_ms + 1;
  EXPECT_TRUE(path::tend(site_.worker)) << "it is behind, and no worker sleeps before the rest is done";
  uint32_t turns = 0, most = 0;
  for (uint32_t before = site_.worker.flows.size(); before != 0; ++turns) {
    if (!path::tend(site_.worker)) ++site_.worker.now_ms;
    most = std::max(most, before - site_.worker.flows.size());
    before = site_.worker.flows.size();
    ASSERT_LE(turns, 2 * kGroups) << before << " are left";
  }
  EXPECT_LE(most, kFlowsAStep);
  EXPECT_LE(turns, kGroups / Ageing::kGroupsAStep + 2 * Ageing::kRoundMs) << "no group is seen much more than once";
  EXPECT_EQ(flows_of_slot(), 0u) << "each left its gauge";
}

TEST_F(LargeTable, IsListedInStepsThatStopNeitherPacketsNorOtherQuestions) {
  FlowsRequest all{.limit = 2000};
  InspectRequest walk;
  walk.flows = &all;
  ASSERT_TRUE(site_.worker.inspections.ask(walk));
  const size_t reserved = all.flows.capacity();
  uint32_t steps = 0;
  for (uint32_t from = all.next_group; !walk.done.load(); ++steps, from = all.next_group) {
    path::answer(site_.worker);
    ASSERT_LE(all.next_group - from, Ageing::kGroupsAStep);
    if (steps % 1000 != 0 || walk.done.load()) continue;
    EXPECT_EQ(run(site_, frame({client(steps)})).verdict, Verdict::kForward);
    Explanation explanation;
    explanation.tuple = client(steps);
    InspectRequest quick;
    quick.explain = &explanation;
    ASSERT_TRUE(site_.worker.inspections.ask(quick));
    path::answer(site_.worker);
    EXPECT_TRUE(quick.done.load()) << "in the very next turn";
  }
  EXPECT_EQ(steps, (site_.worker.flows.groups() - 1 + Ageing::kGroupsAStep - 1) / Ageing::kGroupsAStep);
  EXPECT_EQ(all.total, kFlows);
  EXPECT_EQ(all.flows.size(), 2000u);
  EXPECT_EQ(all.flows.capacity(), reserved) << "a worker allocates nothing";
}

}  // namespace
}  // namespace cardea::dataplane::test
