// What a plan puts on the TAPs, as a value.
#include "dataplane/control/interface_addresses.h"

#include <gtest/gtest.h>
#include <net/if.h>

#include <cstdio>
#include <cstdlib>

#include "tests/packets/site.h"
#include "tests/unit/dataplane/own_network.h"

namespace cardea::dataplane {
namespace {

IpAddress address(const char* text) {
  return IpAddress::parse(text).value();
}
Prefix prefix(const char* text) {
  return Prefix::parse(text).value();
}

PlanPort port(std::vector<Prefix> addresses, std::vector<IpAddress> gateways = {}) {
  PlanPort port;
  port.addresses = std::move(addresses);
  port.gateways = std::move(gateways);
  return port;
}
LiveService service(std::initializer_list<const char*> listens) {
  LiveService service;
  service.used = true;
  for (const char* each : listens) service.listens.push_back({.address = address(each)});
  return service;
}
LivePlan plan_of(std::vector<PlanPort> ports, std::vector<LiveService> services) {
  LivePlan plan;
  plan.ports = std::move(ports);
  plan.services = std::make_shared<const std::vector<LiveService>>(std::move(services));
  return plan;
}

const std::vector<PlanPort> kPorts{port({prefix("192.0.2.1/24")}, {address("192.0.2.254")}),
                                   port({prefix("10.0.0.1/24"), prefix("fd00::1/64")})};

TEST(TapSettings, PortsHaveTheirAddressesAndGateways) {
  const TapSettings wanted = tap_settings(plan_of(kPorts, {}));
  EXPECT_EQ(wanted.addresses, (std::set<TapAddress>{{0, prefix("192.0.2.1/24"), false},
                                                    {1, prefix("10.0.0.1/24"), false},
                                                    {1, prefix("fd00::1/64"), false}}));
  EXPECT_EQ(wanted.gateways, (std::set<TapGateway>{{0, address("192.0.2.254")}}));
}

TEST(TapSettings, AServiceIsAtHomeInItsNetworkElseAtTheFirstPort) {
  const TapSettings wanted =
      tap_settings(plan_of(kPorts, {service({"10.0.0.80", "203.0.113.1"}), service({"fd00::80", "2001:db8::1"})}));
  for (const TapAddress& each : {TapAddress{1, prefix("10.0.0.80/32"), true},
                                 {0, prefix("203.0.113.1/32"), true},
                                 {1, prefix("fd00::80/128"), true},
                                 {0, prefix("2001:db8::1/128"), true}})
    EXPECT_TRUE(wanted.addresses.contains(each)) << each.prefix.text();
  EXPECT_EQ(wanted.addresses.size(), 3u + 4u);
}

TEST(TapSettings, AnAddressIsSetOnceWhoeverListensOnIt) {
  const TapSettings wanted =
      tap_settings(plan_of(kPorts, {service({"10.0.0.80"}), service({"10.0.0.80", "10.0.0.1"})}));
  EXPECT_EQ(wanted.addresses.size(), 3u + 1u) << "one service address; the port's own is there already";
}

TEST(TapSettings, WhatFloatsIsSetByOthers) {
  LivePlan plan = plan_of(kPorts, {service({"10.0.0.80", "203.0.113.1", "203.0.113.2", "2001:db8::1"})});
  plan.nat_sources = {{address("10.0.0.99")}, {address("10.0.0.80")}};
  plan.settings.floating = {prefix("203.0.113.1/32"), prefix("10.0.0.64/26"), prefix("2001:db8::/64")};
  const TapSettings wanted = tap_settings(plan);
  EXPECT_TRUE(wanted.addresses.contains({0, prefix("203.0.113.2/32"), true}));
  EXPECT_TRUE(wanted.addresses.contains({1, prefix("10.0.0.99/32"), true})) << "no service's: the host's own";
  EXPECT_EQ(wanted.addresses.size(), 3u + 2u);
}

TEST(TapSettings, NatAddressesAreAnsweredFor) {
  LivePlan plan = plan_of(kPorts, {});
  plan.nat_sources = {{address("10.0.0.99")}, {address("10.0.0.1")}};
  const TapSettings wanted = tap_settings(plan);
  EXPECT_TRUE(wanted.addresses.contains({1, prefix("10.0.0.99/32"), true}));
  EXPECT_EQ(wanted.addresses.size(), 3u + 1u);
}

TEST(TapSettings, ServicesOfEarlierPlansLeaveNothing) {
  LiveService gone = service({"203.0.113.9"});
  gone.used = false;
  EXPECT_EQ(tap_settings(plan_of(kPorts, {gone})).addresses.size(), 3u);
}

// ---- on an interface that is shared with the kernel. Run as root.

class SharedAddresses : public testing::Test {
 protected:
  InterfaceAddresses addresses() const {
    return {Netlink::open(0).value(), {int(::if_nametoindex("eth9"))}, {uint16_t{0}}};
  }
  // What `ip` says is there, of both families.
  static std::string shown(const std::string& what) {
    std::string text;
    FILE* pipe = ::popen(("ip -o " + what + "; ip -6 -o " + what).c_str(), "r");
    for (char line[512]; std::fgets(line, sizeof line, pipe) != nullptr;) text += line;
    ::pclose(pipe);
    return text;
  }
  static bool has(const std::string& address) {
    return shown("address show dev eth9").find(" " + address + " ") != std::string::npos;
  }
  static bool has_route(const std::string& gateway) {
    return shown("route show default").find("via " + gateway + " ") != std::string::npos;
  }

  test::OwnNetwork network_;  // has 192.0.2.2/24 and 2001:db8:2::2/64, set by somebody else
  const TapSettings wanted_{.addresses = {{0, prefix("192.0.2.2/24"), false},
                                          {0, prefix("192.0.2.3/24"), false},
                                          {0, prefix("203.0.113.1/32"), true},
                                          {0, prefix("2001:db8::1/128"), true}},
                            .gateways = {{0, address("192.0.2.254")}, {0, address("2001:db8:2::fe")}}};
  const TapSettings fewer_{.addresses = {{0, prefix("203.0.113.1/32"), true}}, .gateways = {}};
};

TEST_F(SharedAddresses, WhatIsOursIsGivenBackAndWhatWasThereStays) {
  InterfaceAddresses ours = addresses();
  ASSERT_TRUE(ours.apply(wanted_));
  EXPECT_TRUE(has("192.0.2.3/24") && has("203.0.113.1/32") && has("2001:db8::1/128"));
  EXPECT_TRUE(has_route("192.0.2.254") && has_route("2001:db8:2::fe"));
  ASSERT_TRUE(ours.give_back());
  EXPECT_FALSE(has("192.0.2.3/24") || has("203.0.113.1/32") || has("2001:db8::1/128"));
  EXPECT_FALSE(has_route("192.0.2.254") || has_route("2001:db8:2::fe"));
  EXPECT_TRUE(has("192.0.2.2/24") && has("2001:db8:2::2/64")) << shown("address show dev eth9");
}

TEST_F(SharedAddresses, WhatAKilledProcessLeftIsKnownAgain) {
  ASSERT_TRUE(addresses().apply(wanted_));
  InterfaceAddresses next = addresses();
  ASSERT_TRUE(next.find_own());
  ASSERT_TRUE(next.apply(fewer_));
  EXPECT_FALSE(has("192.0.2.3/24") || has("2001:db8::1/128") || has_route("192.0.2.254") ||
               has_route("2001:db8:2::fe"));
  EXPECT_TRUE(has("203.0.113.1/32") && has("192.0.2.2/24") && has("2001:db8:2::2/64"));
  ASSERT_TRUE(next.give_back());
  EXPECT_FALSE(has("203.0.113.1/32"));
}

TEST_F(SharedAddresses, WhatLinuxForgetsOfAnInterfaceThatIsDownIsSetAnew) {
  InterfaceAddresses ours = addresses();
  ASSERT_TRUE(ours.apply(wanted_));
  ASSERT_EQ(std::system("ip link set eth9 down && ip link set eth9 up"), 0);
  ASSERT_FALSE(has("2001:db8::1/128") || has_route("192.0.2.254")) << "the kernel keeps them: nothing to see here";
  ASSERT_EQ(std::system("ip address add 2001:db8:2::2/64 dev eth9 nodad"), 0) << "whose it is puts it there again";
  ASSERT_TRUE(ours.restore(wanted_));
  EXPECT_TRUE(has("192.0.2.3/24") && has("203.0.113.1/32") && has("2001:db8::1/128"));
  EXPECT_TRUE(has_route("192.0.2.254") && has_route("2001:db8:2::fe"));
  ASSERT_TRUE(ours.give_back());
  EXPECT_FALSE(has("192.0.2.3/24") || has("2001:db8::1/128") || has_route("192.0.2.254"));
}

TEST_F(SharedAddresses, AnothersDefaultRouteStays) {
  ASSERT_EQ(std::system("ip route add default via 192.0.2.77 dev eth9"), 0);
  InterfaceAddresses ours = addresses();
  ASSERT_TRUE(ours.apply(wanted_));
  EXPECT_TRUE(has_route("192.0.2.77"));
  EXPECT_FALSE(has_route("192.0.2.254"));
  ASSERT_TRUE(ours.give_back());
  EXPECT_TRUE(has_route("192.0.2.77"));
}

}  // namespace
}  // namespace cardea::dataplane
