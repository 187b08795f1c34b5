// What the kernel tells of interfaces, ours and others', and what follows. Run as root.
#include "dataplane/control/kernel_follower.h"

#include <gtest/gtest.h>
#include <net/if.h>

#include <cstdlib>

#include "dataplane/control/interface_addresses.h"
#include "tests/unit/dataplane/own_network.h"

namespace cardea::dataplane {
namespace {

class Follower : public testing::Test {
 protected:
  Follower() {
    run("ip link add others type veth peer name end && ip link set others up && ip link set end up && "
        "ip address add 198.51.100.1/24 dev others");
    (void)follower_.take_links_changed();
    read();
  }
  static void run(const char* command) { ASSERT_EQ(std::system(command), 0) << command; }
  void read() { ASSERT_TRUE(follower_.read(monotonic_now())); }
  bool lost_after(const char* command) {
    run(command);
    read();
    return follower_.take_settings_lost();
  }

  test::OwnNetwork network_;  // its eth9 is ours
  const int index_ = int(::if_nametoindex("eth9"));
  KernelFollower follower_ = KernelFollower::start({index_}, 64, monotonic_now()).value();
};

TEST_F(Follower, InterfacesOfOthersAreNoNews) {
  // What the kernel does to an interface in its own time, once it has a link, is over.
  run("echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6; "
      "until ip link show eth9 | grep -q 'state UP' && ip link show others | grep -q 'state UP'; do sleep 0.01; done");
  read();
  (void)follower_.take_links_changed();
  ASSERT_TRUE(follower_.refresh_routes());
  run("ip link set others address 02:00:00:00:00:99 && ip link add container type veth peer name inside");
  read();
  EXPECT_FALSE(follower_.take_links_changed());
  EXPECT_FALSE(follower_.routes_stale());
  run("ip link set eth9 mtu 1400");
  read();
  EXPECT_TRUE(follower_.take_links_changed());
  EXPECT_TRUE(follower_.routes_stale());
}

TEST_F(Follower, TellsOfAddressesThatAreTakenOffOurs) {
  EXPECT_FALSE(lost_after("ip address del 198.51.100.1/24 dev others"));
  EXPECT_FALSE(lost_after("ip address add 192.0.2.3/24 dev eth9"));
  EXPECT_TRUE(lost_after("ip address del 192.0.2.3/24 dev eth9"));
  EXPECT_FALSE(follower_.take_settings_lost()) << "it was asked for";
  EXPECT_TRUE(lost_after("ip address del 2001:db8:2::2/64 dev eth9"));
}

TEST_F(Follower, TellsOfDefaultRoutesThatAreTakenOffOurs) {
  run("ip route add 203.0.113.0/24 via 192.0.2.254 dev eth9 && ip route add default via 192.0.2.254 dev eth9 && "
      "ip route add default via 198.51.100.254 dev others metric 9 && ip -6 route add default via 2001:db8:2::fe dev eth9 && "
      "ip route add default via 192.0.2.254 dev eth9 table 77");
  EXPECT_FALSE(lost_after("ip route del 203.0.113.0/24"));
  EXPECT_FALSE(lost_after("ip route del default dev others"));
  EXPECT_FALSE(lost_after("ip route del default table 77"));
  EXPECT_TRUE(lost_after("ip route del default dev eth9"));
  EXPECT_TRUE(lost_after("ip -6 route del default dev eth9"));
  run("ip route add default nexthop via 192.0.2.254 dev eth9 nexthop via 198.51.100.254 dev others");
  EXPECT_TRUE(lost_after("ip route del default"));
}

// What we take off ourselves is told like any other; to look once more finds nothing, and that is the end of it.
TEST_F(Follower, WhatIsSetAgainBringsNoNews) {
  InterfaceAddresses ours(Netlink::open(0).value(), {index_}, {uint16_t{0}});
  const auto address = [](const char* text) { return TapAddress{0, Prefix::parse(text).value(), true}; };
  const TapSettings fewer{.addresses = {address("203.0.113.1/32")}, .gateways = {}},
      all{.addresses = {address("203.0.113.1/32"), address("203.0.113.2/32")}, .gateways = {}};
  ASSERT_TRUE(ours.apply(all));
  ASSERT_TRUE(ours.apply(fewer));
  EXPECT_TRUE(lost_after("true"));
  ASSERT_TRUE(ours.restore(fewer));
  EXPECT_FALSE(lost_after("true"));
  ASSERT_TRUE(lost_after("ip address flush dev eth9"));
  ASSERT_TRUE(ours.restore(fewer));
  EXPECT_FALSE(lost_after("true"));
  EXPECT_TRUE(lost_after("ip address del 203.0.113.1/32 dev eth9")) << "it was there again";
}

}  // namespace
}  // namespace cardea::dataplane
