#include "dataplane/state/nat_ports.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace cardea::dataplane {
namespace {

TEST(NatPorts, WorkersShareTheRangeWithoutOverlap) {
  std::set<uint16_t> all;
  for (uint32_t worker = 0; worker < 3; ++worker) {
    NatPorts ports(1024, 1033, 3, worker);
    for (uint32_t i = 0; i < ports.count(); ++i) {
      const uint16_t port = ports.next(i);
      EXPECT_TRUE(all.insert(port).second) << port;
      EXPECT_EQ(NatPorts::owner(port, 1024, 3), worker) << port;
    }
  }
  EXPECT_EQ(all.size(), 10u);
  EXPECT_EQ(*all.begin(), 1024);
  EXPECT_EQ(*all.rbegin(), 1033);
}

TEST(NatPorts, GoesRoundFromWhereItStopped) {
  NatPorts ports(2000, 2003, 1, 0);
  std::vector<uint16_t> given;
  for (int i = 0; i < 5; ++i) given.push_back(ports.next(0));
  EXPECT_EQ(given, (std::vector<uint16_t>{2001, 2002, 2003, 2000, 2001}));
}

TEST(NatPorts, TriesAreBoundedByTheSliceAndTheLimit) {
  EXPECT_EQ(NatPorts(1024, 32767, 1, 0).tries(1), NatPorts::kTriesMax);
  EXPECT_EQ(NatPorts(2000, 2003, 1, 0).tries(1), 4u);
  EXPECT_EQ(NatPorts(2000, 2003, 1, 0).tries(3), 12u);
  EXPECT_EQ(NatPorts(2000, 2003, 1, 0).tries(1000), NatPorts::kTriesMax);
  EXPECT_EQ(NatPorts().tries(4), 0u);
}

TEST(NatPorts, ASearchBeginsInOrderAndLeapsOverWhatIsInUseSideBySide) {
  NatPorts ports(1024, 32767, 1, 0);
  std::vector<uint16_t> tried;
  for (uint32_t nth = 0; nth < ports.tries(1); ++nth) tried.push_back(ports.next(nth));
  for (uint32_t nth = 1; nth < NatPorts::kInOrder; ++nth) EXPECT_EQ(tried[nth], tried[nth - 1] + 1) << nth;
  std::vector<uint16_t> leaps(tried.begin() + NatPorts::kInOrder, tried.end());
  std::ranges::sort(leaps);
  for (size_t i = 1; i < leaps.size(); ++i) EXPECT_LT(leaps[i] - leaps[i - 1], 31'744 / 20) << "no gap is that wide";
  EXPECT_LT(leaps.front(), 1024 + 31'744 / 20);
  EXPECT_GT(leaps.back(), 32'767 - 31'744 / 20);
  EXPECT_EQ(ports.next(0), tried[NatPorts::kInOrder - 1] + 1) << "the next search goes on where the order ended";
}

TEST(NatPorts, ASmallRangeIsSearchedWhole) {
  NatPorts ports(2000, 2000 + NatPorts::kTriesMax - 1, 1, 0);
  std::set<uint16_t> tried;
  for (uint32_t nth = 0; nth < ports.tries(1); ++nth) tried.insert(ports.next(nth));
  EXPECT_EQ(tried.size(), NatPorts::kTriesMax);
}

TEST(NatPorts, AWorkerBeyondASmallRangeHasNone) {
  EXPECT_EQ(NatPorts(2000, 2001, 4, 1).count(), 1u);
  EXPECT_EQ(NatPorts(2000, 2001, 4, 2).count(), 0u);
  EXPECT_EQ(NatPorts().count(), 0u);
}

TEST(NatPorts, TheHighestPortIsGiven) {
  NatPorts ports(65535, 65535, 1, 0);
  ASSERT_EQ(ports.count(), 1u);
  EXPECT_EQ(ports.next(0), 65535);
}

}  // namespace
}  // namespace cardea::dataplane
