// Frames that wait for a link address: who gets theirs written, who is given up, and that none is lost or kept.
#include "dataplane/control/waiting_packets.h"

#include <gtest/gtest.h>
#include <rte_mbuf.h>

#include "tests/packets/site.h"

namespace cardea::dataplane {
namespace {

using namespace std::chrono_literals;

const Neighbours::Key kHop{0, IpAddress::parse("10.0.0.11").value()},
    kOtherHop{1, IpAddress::parse("10.1.0.11").value()};
const std::array<uint8_t, 6> kPeer{2, 0, 0, 0, 9, 9};
const std::array<PortLink, 2> kLinks{PortLink{{2, 0, 0, 0, 1, 0}}, PortLink{{2, 0, 0, 0, 2, 0}}};
const Instant kStart{1s};

struct NothingKept {
  uint32_t in_use = rte_mempool_in_use_count(test::packet_pool());
  ~NothingKept() { EXPECT_EQ(rte_mempool_in_use_count(test::packet_pool()), in_use); }
};

struct WaitingAtControl : testing::Test {
  bool add(const Neighbours::Key& hop, Instant now = kStart) {
    rte_mbuf* packet = test::packet(std::vector<std::byte>(60));
    if (packets.add(hop, packet, now)) return true;
    rte_pktmbuf_free(packet);
    return false;
  }
  uint64_t settle(Instant now = kStart) {
    return packets.settle(neighbours, kLinks, now, [this](uint16_t port, rte_mbuf* packet) {
      const auto* frame = rte_pktmbuf_mtod(packet, const uint8_t*);
      sent.push_back({port, std::vector<uint8_t>(frame, frame + 12)});
      rte_pktmbuf_free(packet);
    });
  }

  NothingKept nothing_kept;  // looks when all else is gone
  Neighbours neighbours{64};
  WaitingPackets packets;
  std::vector<std::pair<uint16_t, std::vector<uint8_t>>> sent;
};

TEST_F(WaitingAtControl, LeavesWithTheLinkAddressesOnceTheHopIsKnown) {
  ASSERT_TRUE(add(kHop) && add(kOtherHop) && add(kHop));
  EXPECT_EQ(settle(), 0u);
  EXPECT_EQ(packets.size(), 3u);
  neighbours.report(kOtherHop, Neighbours::Report::kReachable, kPeer, kStart);
  EXPECT_EQ(settle(), 0u);
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].first, 1);
  EXPECT_EQ(sent[0].second, (std::vector<uint8_t>{2, 0, 0, 0, 9, 9, 2, 0, 0, 0, 2, 0}));
  EXPECT_EQ(packets.size(), 2u);
  EXPECT_EQ(packets.hops(), std::vector{kHop});
  neighbours.report(kHop, Neighbours::Report::kReachable, kPeer, kStart);
  settle();
  EXPECT_EQ(sent.size(), 3u);
  EXPECT_EQ(packets.size(), 0u);
}

TEST_F(WaitingAtControl, IsGivenUpWithTheHop) {
  ASSERT_TRUE(add(kHop) && add(kHop) && add(kOtherHop));
  neighbours.report(kHop, Neighbours::Report::kFailed, {}, kStart);
  EXPECT_EQ(settle(), 2u);
  EXPECT_EQ(packets.hops(), std::vector{kOtherHop});
}

TEST_F(WaitingAtControl, LastsNoLongerThanItsPatience) {
  ASSERT_TRUE(add(kHop));
  ASSERT_TRUE(add(kHop, kStart + 2s)) << "the first one's time is the hop's";
  EXPECT_EQ(settle(kStart + WaitingPackets::kPatience - 1ms), 0u);
  EXPECT_EQ(settle(kStart + WaitingPackets::kPatience), 2u);
  ASSERT_TRUE(add(kHop, kStart + 4s));
  EXPECT_EQ(settle(kStart + 4s), 0u) << "a new time begins";
}

TEST_F(WaitingAtControl, HasRoomForSoManyOfAHopAndInAll) {
  for (size_t i = 0; i < WaitingPackets::kHopMax; ++i) ASSERT_TRUE(add(kHop));
  EXPECT_FALSE(add(kHop));
  EXPECT_TRUE(add(kOtherHop)) << "another hop is not harmed";
  for (uint32_t host = 1; packets.size() < WaitingPackets::kTotalMax; ++host)
    ASSERT_TRUE(add({0, IpAddress::v4(0x0a020000 + host)}));
  EXPECT_FALSE(add(kOtherHop));
  EXPECT_EQ(packets.size(), WaitingPackets::kTotalMax);
}

}  // namespace
}  // namespace cardea::dataplane
