#include "dataplane/state/hops.h"

#include <gtest/gtest.h>

#include <random>

namespace cardea::dataplane {
namespace {

Route route(const char* prefix, HopId hop) {
  return {Prefix::parse(prefix).value(), hop};
}
HopId hop(const Routes& routes, const char* address) {
  return routes.lookup(IpAddress::parse(address).value());
}

TEST(Routes, WithoutAnyNothingIsReachable) {
  const Routes routes;
  EXPECT_EQ(hop(routes, "192.0.2.1"), kNoHop);
  EXPECT_EQ(hop(routes, "2001:db8::1"), kNoHop);
}

TEST(Routes, TheLongestPrefixWins) {
  const std::vector<Route> all{route("0.0.0.0/0", 1), route("10.0.0.0/8", 2), route("10.1.0.0/16", 3),
                               route("10.1.2.3/32", 4)};
  const Routes routes(all);
  EXPECT_EQ(hop(routes, "9.255.255.255"), 1);
  EXPECT_EQ(hop(routes, "10.0.0.0"), 2);
  EXPECT_EQ(hop(routes, "10.1.2.2"), 3);
  EXPECT_EQ(hop(routes, "10.1.2.3"), 4);
  EXPECT_EQ(hop(routes, "10.1.2.4"), 3);
  EXPECT_EQ(hop(routes, "10.2.0.0"), 2);
  EXPECT_EQ(hop(routes, "255.255.255.255"), 1);
  EXPECT_EQ(hop(routes, "2001:db8::1"), kNoHop) << "families do not mix";
}

TEST(Routes, HostBitsDoNotMatterAndTheFirstOfEqualOnesWins) {
  const std::vector<Route> all{route("10.0.0.7/24", 1), route("10.0.0.9/24", 2)};
  EXPECT_EQ(hop(Routes(all), "10.0.0.200"), 1);
}

TEST(Routes, AnUnreachableRangeCoversAShorterPrefix) {
  const std::vector<Route> all{route("0.0.0.0/0", 1), route("203.0.113.0/24", kNoHop)};
  EXPECT_EQ(hop(Routes(all), "203.0.113.5"), kNoHop);
  EXPECT_EQ(hop(Routes(all), "203.0.114.0"), 1);
}

TEST(Routes, TheEndsOfBothFamiliesAreCovered) {
  const std::vector<Route> all{route("255.255.255.255/32", 1), route("0.0.0.0/32", 2),
                               route("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128", 3), route("::/128", 4)};
  const Routes routes(all);
  EXPECT_EQ(hop(routes, "255.255.255.255"), 1);
  EXPECT_EQ(hop(routes, "255.255.255.254"), kNoHop);
  EXPECT_EQ(hop(routes, "0.0.0.0"), 2);
  EXPECT_EQ(hop(routes, "0.0.0.1"), kNoHop);
  EXPECT_EQ(hop(routes, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), 3);
  EXPECT_EQ(hop(routes, "::"), 4);
  EXPECT_EQ(hop(routes, "::1"), kNoHop);
}

// What the kernel would say: the longest prefix that contains the address, the first of equal ones.
HopId by_hand(const std::vector<Route>& routes, const IpAddress& address) {
  const Route* best = nullptr;
  for (const Route& r : routes)
    if (r.prefix.address.is_v4() == address.is_v4() && r.prefix.contains(address) &&
        (best == nullptr || r.prefix.length > best->prefix.length))
      best = &r;
  return best == nullptr ? kNoHop : best->hop;
}

TEST(Routes, AgreeWithLookingAtEveryPrefix) {
  std::mt19937 random(3);
  for (int world = 0; world < 50; ++world) {
    std::vector<Route> all;
    for (int i = 0; i < 40; ++i) {
      IpAddress v6 = IpAddress::parse("2001:db8::").value();
      v6.bytes[5] = uint8_t(random() & 3), v6.bytes[15] = uint8_t(random());
      const bool four = random() % 2;
      const IpAddress address = four ? IpAddress::v4(0x0a000000 | (random() & 0x3f3)) : v6;
      all.push_back({{address, uint8_t(four ? 20 + random() % 13 : 30 + random() % 99)}, HopId(i)});
    }
    const Routes routes(all);
    for (int i = 0; i < 500; ++i) {
      IpAddress v6 = IpAddress::parse("2001:db8::").value();
      v6.bytes[5] = uint8_t(random() & 3), v6.bytes[15] = uint8_t(random());
      for (const IpAddress& address : {IpAddress::v4(0x0a000000 | (random() & 0x7ff)), v6})
        ASSERT_EQ(routes.lookup(address), by_hand(all, address)) << address.text();
    }
  }
}

TEST(HopTable, ABackendThatControlHasNotSeenYetIsLookedUp) {
  HopTable hops;
  const std::vector<Route> all{route("10.0.0.0/24", 5)};
  hops.routes = Routes(all);
  hops.slot_hops = {9};
  EXPECT_EQ(hops.of_slot(0, IpAddress::v4(0x0a000001)), 9);
  EXPECT_EQ(hops.of_slot(1, IpAddress::v4(0x0a000001)), 5);
}

}  // namespace
}  // namespace cardea::dataplane
