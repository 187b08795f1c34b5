// Networks as ranges, held against a list of them asked one by one; and files of them.
#include "l7/policy/network_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"

namespace cardea::l7::policy {
namespace {

IpAddress address(const char* text) {
  return *IpAddress::parse(text);
}

TEST(NetworkSet, AgreesWithEachNetworkAskedByItself) {
  Random random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<Prefix> networks;
    for (uint64_t i = random.below(12); i-- > 0;) {
      Prefix network{IpAddress::v4(uint32_t(random.below(1 << 12)) << 20), uint8_t(random.below(33))};
      if (random.below(2)) {
        network = {address("2001:db8::"), uint8_t(random.below(129))};
        network.address.bytes[4] = decltype(network.address.bytes)::value_type(random.below(256));
      }
      networks.push_back(network);
    }
    const NetworkSet set(networks);
    for (int ask = 0; ask < 200; ++ask) {
      IpAddress asked = IpAddress::v4(uint32_t(random.below(1 << 13)) << 19 | uint32_t(random.below(2)));
      if (random.below(2)) {
        asked = address("2001:db8::1");
        asked.bytes[4] = decltype(asked.bytes)::value_type(random.below(256));
      }
      const bool expected = std::ranges::any_of(networks, [&](const Prefix& one) { return one.contains(asked); });
      ASSERT_EQ(set.has(asked), expected) << asked.text();
    }
  }
}

TEST(NetworkSet, FamiliesAreApart) {
  EXPECT_FALSE(NetworkSet({*Prefix::parse("::/0")}).has(address("192.0.2.1")));
  EXPECT_TRUE(NetworkSet({*Prefix::parse("::/0")}).has(address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")));
  EXPECT_TRUE(NetworkSet({*Prefix::parse("0.0.0.0/0")}).has(address("255.255.255.255")));
  EXPECT_FALSE(NetworkSet({*Prefix::parse("0.0.0.0/0")}).has(address("2001:db8::1")));
  EXPECT_FALSE(NetworkSet().has(address("192.0.2.1")));
}

TEST(NetworkSet, NeighboursBecomeOneRange) {
  std::vector<Prefix> networks;
  for (uint32_t i = 0; i < 256; ++i) networks.push_back({IpAddress::v4(0x0a000000u + (i << 8)), 24});
  EXPECT_EQ(NetworkSet(networks).ranges(), 1u);
}

TEST(ReadNetworks, TakesOneALineAndNamesTheOneThatIsNone) {
  const auto networks = read_networks("# ours\n192.0.2.0/24 # office\r\n\n 2001:db8::1 ; one\n10.0.0.1\n");
  ASSERT_TRUE(networks);
  EXPECT_THAT(*networks, testing::ElementsAre(*Prefix::parse("192.0.2.0/24"), *Prefix::parse("2001:db8::1/128"),
                                              *Prefix::parse("10.0.0.1/32")));
  const auto wrong = read_networks("10.0.0.1\n10.0.0.0/33\n");
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().message, testing::HasSubstr("line 2: \"10.0.0.0/33\""));
}

}  // namespace
}  // namespace cardea::l7::policy
