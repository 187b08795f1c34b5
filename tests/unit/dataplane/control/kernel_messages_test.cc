// Route and neighbour messages as the kernel writes them, and what is made of them.
#include "dataplane/control/kernel_messages.h"

#include <gtest/gtest.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

namespace cardea::dataplane {
namespace {

constexpr int kWan = 11, kLan = 12, kOther = 13;  // interface numbers; the first two are those of our TAPs
const std::vector<int> kTaps{kWan, kLan};

IpAddress address(const char* text) {
  return IpAddress::parse(text).value();
}

void put(nlmsghdr* message, uint16_t type, const char* text) {
  const IpAddress value = address(text);
  if (value.is_v4())
    mnl_attr_put(message, type, 4, value.v4_data());
  else
    mnl_attr_put(message, type, 16, value.bytes.data());
}

// ---- routes

struct RouteOf : NetlinkRequest {
  explicit RouteOf(uint8_t length = 24, uint8_t family = AF_INET) : NetlinkRequest(RTM_NEWROUTE, 0) {
    route = header<rtmsg>();
    route->rtm_family = family;
    route->rtm_dst_len = length;
    route->rtm_table = RT_TABLE_MAIN;
    route->rtm_type = RTN_UNICAST;
  }
  RouteOf& to(const char* text) { return put(message(), RTA_DST, text), *this; }
  RouteOf& over(int index) { return mnl_attr_put_u32(message(), RTA_OIF, uint32_t(index)), *this; }
  RouteOf& by(const char* text) { return put(message(), RTA_GATEWAY, text), *this; }
  std::optional<KernelRoute> read() { return read_route(*message(), kTaps); }
  rtmsg* route;
};

struct Way {
  int index;
  const char* gateway;
  uint8_t flags = 0;
};
void put_ways(nlmsghdr* message, std::initializer_list<Way> ways) {
  nlattr* nest = mnl_attr_nest_start(message, RTA_MULTIPATH);
  for (const Way& way : ways) {
    auto* hop = static_cast<rtnexthop*>(mnl_nlmsg_get_payload_tail(message));
    *hop = {.rtnh_len = sizeof *hop, .rtnh_flags = way.flags, .rtnh_hops = 0, .rtnh_ifindex = way.index};
    const uint32_t before = message->nlmsg_len;
    message->nlmsg_len += uint32_t(sizeof *hop);
    put(message, RTA_GATEWAY, way.gateway);
    hop->rtnh_len = uint16_t(message->nlmsg_len - before);
  }
  mnl_attr_nest_end(message, nest);
}

TEST(RouteMessage, AConnectedNetwork) {
  RouteOf route;
  const auto found = route.to("10.0.0.0").over(kLan).read();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->destination.text(), "10.0.0.0/24");
  EXPECT_EQ(found->port, 1);
  EXPECT_TRUE(found->reachable);
  EXPECT_FALSE(found->gateway);
}

TEST(RouteMessage, DefaultRoutesOfBothFamilies) {
  RouteOf four(0), six(0, AF_INET6);
  const auto found = four.by("192.0.2.254").over(kWan).read();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->destination.text(), "0.0.0.0/0");
  EXPECT_EQ(found->gateway, address("192.0.2.254"));
  mnl_attr_put_u32(six.message(), RTA_PRIORITY, 1024);
  const auto found6 = six.by("fe80::1").over(kWan).read();
  ASSERT_TRUE(found6);
  EXPECT_EQ(found6->destination.text(), "::/0");
  EXPECT_EQ(found6->metric, 1024u);
  EXPECT_EQ(found6->gateway, address("fe80::1"));
}

TEST(RouteMessage, AGatewayOfTheOtherFamily) {
  RouteOf route;
  struct {
    uint16_t family = AF_INET6;
    std::array<uint8_t, 16> address = cardea::dataplane::address("fe80::7").bytes;
  } via;
  mnl_attr_put(route.message(), RTA_VIA, sizeof via, &via);
  const auto found = route.to("10.9.0.0").over(kWan).read();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->gateway, address("fe80::7"));
}

TEST(RouteMessage, OfSeveralWaysTheFirstUsableOneOfOurs) {
  RouteOf route;
  put_ways(route.to("10.9.0.0").message(),
           {{kOther, "10.3.0.1"}, {kWan, "192.0.2.7", RTNH_F_LINKDOWN}, {kLan, "10.0.0.8"}, {kWan, "192.0.2.9"}});
  const auto found = route.read();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->port, 1);
  EXPECT_EQ(found->gateway, address("10.0.0.8"));
}

TEST(RouteMessage, WaysCutShortAreNotFollowed) {
  RouteOf route;
  const rtnexthop hop{.rtnh_len = 200, .rtnh_flags = 0, .rtnh_hops = 0, .rtnh_ifindex = kWan};
  mnl_attr_put(route.to("10.9.0.0").message(), RTA_MULTIPATH, sizeof hop, &hop);
  EXPECT_FALSE(route.read());
}

TEST(RouteMessage, UnreachableNetworksLeadNowhereOnAnyInterface) {
  for (const uint8_t type : {RTN_BLACKHOLE, RTN_UNREACHABLE, RTN_PROHIBIT}) {
    RouteOf route;
    route.route->rtm_type = type;
    const auto found = route.to("10.66.0.0").read();
    ASSERT_TRUE(found);
    EXPECT_FALSE(found->reachable);
  }
}

TEST(RouteMessage, WhatIsNotForEveryPacketOrNotOurs) {
  const auto left_out = [](auto&& bend) {
    RouteOf route;
    route.to("10.0.0.0").over(kLan);
    bend(route);
    return !route.read();
  };
  EXPECT_FALSE(left_out([](RouteOf&) {}));
  EXPECT_TRUE(left_out([](RouteOf& r) { r.route->rtm_type = RTN_LOCAL; }));
  EXPECT_TRUE(left_out([](RouteOf& r) { r.route->rtm_type = RTN_BROADCAST; }));
  EXPECT_TRUE(left_out([](RouteOf& r) { r.route->rtm_flags = RTM_F_CLONED; })) << "a cached exception of one host";
  EXPECT_TRUE(left_out([](RouteOf& r) { r.route->rtm_flags = RTNH_F_DEAD; }));
  EXPECT_TRUE(left_out([](RouteOf& r) { r.route->rtm_src_len = 64; })) << "only of some sources";
  EXPECT_TRUE(left_out([](RouteOf& r) { r.route->rtm_tos = 0x10; })) << "only of one type of service";
  EXPECT_TRUE(left_out([](RouteOf& r) { r.route->rtm_table = RT_TABLE_LOCAL; }));
  EXPECT_TRUE(left_out([](RouteOf& r) { mnl_attr_put_u32(r.message(), RTA_TABLE, 1000); }))
      << "an operator's own table";
  EXPECT_TRUE(left_out([](RouteOf& r) { r.over(kOther); })) << "the last attribute of a kind counts";
  EXPECT_TRUE(left_out([](RouteOf& r) { r.route->rtm_family = AF_MPLS; }));
}

// ---- neighbours

struct Neighbour : NetlinkRequest {
  explicit Neighbour(uint16_t state, int index = kLan, uint16_t type = RTM_NEWNEIGH) : NetlinkRequest(type, 0) {
    neighbour = header<ndmsg>();
    neighbour->ndm_family = AF_INET;
    neighbour->ndm_ifindex = index;
    neighbour->ndm_state = state;
    neighbour->ndm_type = RTN_UNICAST;
  }
  Neighbour& named(const char* text) { return put(message(), NDA_DST, text), *this; }
  Neighbour& at(std::initializer_list<uint8_t> mac) {
    return mnl_attr_put(message(), NDA_LLADDR, mac.size(), mac.begin()), *this;
  }
  std::optional<NeighbourReport> read() { return read_neighbour(*message(), kTaps); }
  ndmsg* neighbour;
};
using Report = Neighbours::Report;

TEST(NeighbourMessage, StatesAreTold) {
  struct Row {
    uint16_t state;
    bool has_mac;
    Report report;
  };
  for (const Row& row : {Row{NUD_REACHABLE, true, Report::kReachable},
                         {NUD_STALE, true, Report::kReachable},
                         {NUD_DELAY, true, Report::kReachable},
                         {NUD_PROBE, true, Report::kReachable},
                         {NUD_PERMANENT, true, Report::kReachable},
                         {NUD_REACHABLE, false, Report::kIncomplete},
                         {NUD_INCOMPLETE, false, Report::kIncomplete},
                         {NUD_NONE, false, Report::kIncomplete},
                         {NUD_FAILED, false, Report::kFailed}}) {
    Neighbour message(row.state);
    message.named("10.0.0.11");
    if (row.has_mac) message.at({2, 0, 0, 0, 0, 7});
    const auto found = message.read();
    ASSERT_TRUE(found) << row.state;
    EXPECT_EQ(found->report, row.report) << row.state;
    EXPECT_EQ(found->key, (Neighbours::Key{1, address("10.0.0.11")}));
    EXPECT_EQ(found->mac[5], row.has_mac ? 7 : 0);
  }
}

TEST(NeighbourMessage, AForgottenOneIsGoneWhateverItsState) {
  Neighbour message(NUD_REACHABLE, kWan, RTM_DELNEIGH);
  const auto found = message.named("192.0.2.9").at({2, 0, 0, 0, 0, 7}).read();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->report, Report::kGone);
  EXPECT_EQ(found->key.port, 0);
}

TEST(NeighbourMessage, ALinkAddressOfAnotherKindIsNone) {
  Neighbour message(NUD_REACHABLE);
  const auto found = message.named("10.0.0.11").at({1, 2, 3, 4}).read();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->report, Report::kIncomplete);
}

TEST(NeighbourMessage, WhatLeadsNoPacketsIsLeftOut) {
  const auto left_out = [](auto&& bend) {
    Neighbour message(NUD_REACHABLE);
    message.named("10.0.0.11").at({2, 0, 0, 0, 0, 7});
    bend(message);
    return !message.read();
  };
  EXPECT_FALSE(left_out([](Neighbour&) {}));
  EXPECT_TRUE(left_out([](Neighbour& n) { n.neighbour->ndm_ifindex = kOther; }));
  EXPECT_TRUE(left_out([](Neighbour& n) { n.neighbour->ndm_type = RTN_MULTICAST; }));
  EXPECT_TRUE(left_out([](Neighbour& n) { n.neighbour->ndm_flags = NTF_PROXY; }));
  EXPECT_TRUE(left_out([](Neighbour& n) { n.neighbour->ndm_state = NUD_NOARP; }));
  EXPECT_TRUE(left_out([](Neighbour& n) { n.neighbour->ndm_family = AF_BRIDGE; }));
  Neighbour nameless(NUD_REACHABLE);
  EXPECT_FALSE(nameless.at({2, 0, 0, 0, 0, 7}).read());
}

}  // namespace
}  // namespace cardea::dataplane
