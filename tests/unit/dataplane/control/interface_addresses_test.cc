// What a plan puts on the TAPs, as a value.
#include "dataplane/control/interface_addresses.h"

#include <gtest/gtest.h>

#include "tests/packets/site.h"

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

}  // namespace
}  // namespace cardea::dataplane
