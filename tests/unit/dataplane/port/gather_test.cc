#include "dataplane/port/gather.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

namespace cardea::dataplane {
namespace {

constexpr uint64_t kPatience = 100;

std::vector<rte_mbuf*> packets(size_t count, uintptr_t first = 1) {
  std::vector<rte_mbuf*> made;
  for (size_t i = 0; i < count; ++i) made.push_back(reinterpret_cast<rte_mbuf*>((first + i) * 64));  // never looked at
  return made;
}

TEST(Gather, APacketAloneLeavesWithTheFirstTurnThatBringsNone) {
  Gather gather;
  EXPECT_FALSE(gather.due(false, 0, kPatience));
  EXPECT_EQ(gather.add(packets(1).data(), 1, 10), 1);
  EXPECT_FALSE(gather.due(true, 11, kPatience));
  EXPECT_TRUE(gather.due(false, 11, kPatience));
}

TEST(Gather, TheOldestPacketWaitsNoLongerThanThePatience) {
  Gather gather;
  gather.add(packets(1).data(), 1, 10);
  gather.add(packets(1).data(), 1, 10 + kPatience - 1);
  EXPECT_FALSE(gather.due(true, 10 + kPatience - 1, kPatience));
  EXPECT_TRUE(gather.due(true, 10 + kPatience, kPatience));
  EXPECT_EQ(gather.take_all(), 2);
  gather.add(packets(1).data(), 1, 10 + kPatience);
  EXPECT_FALSE(gather.due(true, 10 + kPatience + 1, kPatience)) << "the clock starts again with the next one";
}

TEST(Gather, AFullOneIsDueAndTakesNoMore) {
  Gather gather;
  EXPECT_EQ(gather.add(packets(Gather::kMax - 1).data(), Gather::kMax - 1, 0), Gather::kMax - 1);
  EXPECT_FALSE(gather.due(true, 0, kPatience));
  EXPECT_EQ(gather.add(packets(3, 1000).data(), 3, 0), 1);
  EXPECT_TRUE(gather.full());
  EXPECT_TRUE(gather.due(true, 0, kPatience));
  EXPECT_EQ(gather.add(packets(1).data(), 1, 0), 0);
}

TEST(Gather, PacketsKeepTheirOrder) {
  Gather gather;
  auto first = packets(3), second = packets(2, 100);
  gather.add(first.data(), 3, 0);
  gather.add(second.data(), 2, 0);
  std::vector<rte_mbuf*> wanted = first;
  wanted.insert(wanted.end(), second.begin(), second.end());
  EXPECT_EQ(std::vector<rte_mbuf*>(gather.packets(), gather.packets() + gather.take_all()), wanted);
  EXPECT_TRUE(gather.empty());
}

}  // namespace
}  // namespace cardea::dataplane
