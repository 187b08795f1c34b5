#include "dataplane/state/kernel_routes.h"

#include <gtest/gtest.h>

namespace cardea::dataplane {
namespace {

const std::array<uint8_t, 6> kWanMac{2, 0, 0, 0, 1, 0}, kLanMac{2, 0, 0, 0, 2, 0}, kPeerMac{2, 0, 0, 0, 9, 9};
const std::array<PortLink, 2> kLinks{PortLink{kWanMac, 1500}, PortLink{kLanMac, 9000}};
const Instant kNow{std::chrono::seconds(1)};

Prefix prefix(const char* text) {
  return *Prefix::parse(text);
}
IpAddress address(const char* text) {
  return *IpAddress::parse(text);
}
KernelRoute connected(const char* network, uint16_t port) {
  return {.destination = prefix(network), .port = port};
}
KernelRoute by(const char* network, const char* gateway, uint16_t port, uint32_t metric = 0) {
  return {.destination = prefix(network), .metric = metric, .port = port, .gateway = address(gateway)};
}

struct KernelRoutes : testing::Test {
  std::vector<KernelRoute> routes{connected("192.0.2.0/24", 0), connected("10.0.0.0/24", 1),
                                  connected("fd00:1::/64", 1)};
  Neighbours neighbours{64};
  HopTable table;

  void resolve(const char* who, uint16_t port) {
    neighbours.report({port, address(who)}, Neighbours::Report::kReachable, kPeerMac, kNow);
  }
  void build(uint32_t hops_max = 1000) { table = build_hop_table(routes, neighbours, kLinks, hops_max); }
  const Hop* hop(const char* destination) const {
    const HopId id = table.routes.lookup(address(destination));
    return id == kNoHop ? nullptr : &table.hops[id];
  }
};

TEST_F(KernelRoutes, ConnectedNetworksAskForTheDestinationItself) {
  build();
  ASSERT_NE(hop("10.0.0.77"), nullptr);
  EXPECT_EQ(hop("10.0.0.77")->state, HopState::kOnLink);
  EXPECT_EQ(hop("10.0.0.77")->port, 1);
  EXPECT_EQ(hop("10.0.0.77")->source_mac, kLanMac);
  EXPECT_EQ(hop("10.0.0.77")->mtu, 9000);
  EXPECT_EQ(hop("fd00:1::5")->port, 1);
  EXPECT_EQ(hop("10.0.1.1"), nullptr);
  EXPECT_EQ(hop("2001:db8::1"), nullptr);
}

TEST_F(KernelRoutes, AKnownNeighbourIsAHopOfItsOwn) {
  resolve("10.0.0.11", 1);
  resolve("fd00:1::11", 1);
  build();
  EXPECT_EQ(hop("10.0.0.11")->state, HopState::kResolved);
  EXPECT_EQ(hop("10.0.0.11")->destination_mac, kPeerMac);
  EXPECT_EQ(hop("fd00:1::11")->state, HopState::kResolved);
  EXPECT_EQ(hop("10.0.0.10")->state, HopState::kOnLink);
  EXPECT_EQ(hop("10.0.0.12")->state, HopState::kOnLink);
}

TEST_F(KernelRoutes, GatewaysAreHopsWhateverIsKnownOfThem) {
  routes.push_back(by("0.0.0.0/0", "192.0.2.254", 0));
  build();
  EXPECT_EQ(hop("198.51.100.1")->state, HopState::kUnresolved);
  EXPECT_EQ(hop("198.51.100.1")->address, address("192.0.2.254"));
  resolve("192.0.2.254", 0);
  build();
  EXPECT_EQ(hop("198.51.100.1")->state, HopState::kResolved);
  EXPECT_EQ(table.routes.lookup(address("198.51.100.1")), table.routes.lookup(address("192.0.2.254")))
      << "one hop for one neighbour";
  neighbours.report({0, address("192.0.2.254")}, Neighbours::Report::kFailed, {}, kNow);
  build();
  EXPECT_EQ(hop("198.51.100.1")->state, HopState::kFailed);
}

TEST_F(KernelRoutes, AWayThatARouterCalledNarrowerKeepsItsNextHop) {
  resolve("10.0.0.11", 1);
  routes.push_back(by("198.51.100.0/24", "10.0.0.11", 1));
  PathMtus narrow;
  ASSERT_TRUE(narrow.learn(address("10.0.0.11"), 1400, kNow));
  ASSERT_TRUE(narrow.learn(address("198.51.100.9"), 1300, kNow));
  ASSERT_TRUE(narrow.learn(address("10.0.0.12"), 9100, kNow));
  ASSERT_TRUE(narrow.learn(address("203.0.113.9"), 1300, kNow));
  table = build_hop_table(routes, neighbours, kLinks, 1000, narrow);
  EXPECT_EQ(hop("10.0.0.11")->mtu, 1400);
  EXPECT_EQ(hop("10.0.0.11")->destination_mac, kPeerMac);
  EXPECT_EQ(hop("198.51.100.9")->mtu, 1300);
  EXPECT_EQ(hop("198.51.100.9")->state, HopState::kResolved);
  EXPECT_EQ(hop("198.51.100.8")->mtu, 9000) << "only that destination's";
  EXPECT_EQ(hop("10.0.0.12")->mtu, 9000) << "nothing gets wider";
  EXPECT_EQ(hop("203.0.113.9"), nullptr) << "and nothing reachable";
  table = build_hop_table(routes, neighbours, kLinks, 3, narrow);
  EXPECT_EQ(hop("10.0.0.11")->mtu, 9000) << "no room for another hop";
}

TEST_F(KernelRoutes, TheLongestPrefixWinsThenTheLowestMetric) {
  routes.push_back(by("10.1.0.0/16", "10.0.0.2", 1, 200));
  routes.push_back(by("10.1.0.0/16", "192.0.2.2", 0, 100));
  routes.push_back(by("10.1.2.0/24", "10.0.0.3", 1));
  build();
  EXPECT_EQ(hop("10.1.9.9")->address, address("192.0.2.2"));
  EXPECT_EQ(hop("10.1.2.9")->address, address("10.0.0.3"));
}

TEST_F(KernelRoutes, ANeighbourDoesNotOverruleARouteToIt) {
  routes.push_back(by("10.0.0.40/32", "192.0.2.254", 0));
  resolve("10.0.0.40", 1);  // an old entry: the host moved behind a gateway
  resolve("192.0.2.7", 1);  // on the wrong port
  build();
  EXPECT_EQ(hop("10.0.0.40")->address, address("192.0.2.254"));
  EXPECT_EQ(hop("192.0.2.7")->state, HopState::kOnLink);
  EXPECT_EQ(hop("192.0.2.7")->port, 0);
}

TEST_F(KernelRoutes, UnreachableNetworksHaveNoHop) {
  routes.push_back(by("0.0.0.0/0", "192.0.2.254", 0));
  routes.push_back({.destination = prefix("203.0.113.0/24"), .reachable = false});
  build();
  EXPECT_EQ(hop("203.0.113.9"), nullptr);
  EXPECT_NE(hop("203.0.114.9"), nullptr);
}

TEST_F(KernelRoutes, KeepsToTheLimitOfHops) {
  for (int host = 1; host <= 60; ++host) resolve(("10.0.0." + std::to_string(host)).c_str(), 1);
  build(10);
  EXPECT_EQ(table.hops.size(), 10u);
  EXPECT_EQ(hop("10.0.0.60")->state, HopState::kOnLink)
      << "left out: its packets wait for the kernel's answer each time";
}

}  // namespace
}  // namespace cardea::dataplane
