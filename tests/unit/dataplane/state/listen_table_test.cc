#include "dataplane/state/listen_table.h"

#include <gtest/gtest.h>

namespace cardea::dataplane {
namespace {

const IpAddress kFour = IpAddress::parse("203.0.113.1").value(), kSix = IpAddress::parse("2001:db8::1").value();

TEST(ListenTable, FindsByAddressPortAndProtocol) {
  const std::vector<ListenEntry> listens{
      {kFour, 80, Protocol::kTcp, 1}, {kFour, 80, Protocol::kUdp, 2}, {kSix, 80, Protocol::kTcp, 3}};
  const ListenTable table(listens, {});
  EXPECT_EQ(table.find(kFour, 80, Protocol::kTcp), 1);
  EXPECT_EQ(table.find(kFour, 80, Protocol::kUdp), 2);
  EXPECT_EQ(table.find(kSix, 80, Protocol::kTcp), 3);
  EXPECT_EQ(table.find(kSix, 80, Protocol::kUdp), kNoService);
  EXPECT_EQ(table.find(kFour, 81, Protocol::kTcp), kNoService);
}

TEST(ListenTable, PutsTheUsesOfAnAddressTogether) {
  const std::vector<AddressEntry> addresses{{kFour, kServiceAddress}, {kFour, kNatAddress}, {kSix, kPortAddress}};
  const ListenTable table({}, addresses);
  EXPECT_EQ(table.use_of(kFour), kServiceAddress | kNatAddress);
  EXPECT_EQ(table.use_of(kSix), kPortAddress);
  EXPECT_EQ(table.use_of(IpAddress::v4(1)), 0);
}

TEST(ListenTable, AnEmptyOneKnowsNothing) {
  const ListenTable table;
  EXPECT_EQ(table.find(kFour, 80, Protocol::kTcp), kNoService);
  EXPECT_EQ(table.find(IpAddress{}, 0, Protocol::kTcp), kNoService);
  EXPECT_EQ(table.use_of(IpAddress{}), 0);
}

TEST(ListenTable, HoldsAsManyAsAPlanMay) {
  std::vector<ListenEntry> listens;
  std::vector<AddressEntry> addresses;
  for (uint32_t i = 0; i < 20000; ++i) {
    listens.push_back({IpAddress::v4(0xcb007100 + i / 4), uint16_t(i % 4 + 1), Protocol::kTcp, ServiceId(i)});
    addresses.push_back({IpAddress::v4(0xcb007100 + i / 4), kServiceAddress});
  }
  const ListenTable table(listens, addresses);
  for (const ListenEntry& e : listens) {
    ASSERT_EQ(table.find(e.address, e.port_be, e.protocol), e.service);
    ASSERT_EQ(table.find(e.address, 99, e.protocol), kNoService);
    ASSERT_EQ(table.use_of(e.address), kServiceAddress);
  }
}

}  // namespace
}  // namespace cardea::dataplane
