// What the kernel gets, and by which of the door's queues: frame in, queue out.
#include <gtest/gtest.h>

#include <cstring>

#include "tests/packets/ends.h"

namespace cardea::dataplane::test {
namespace {

using Frame = std::vector<std::byte>;

constexpr uint64_t kMac = 0x0605'0403'0202;  // as link_address() reads it: 02:02:03:04:05:06

Frame for_mac(Frame frame, uint64_t mac = kMac) {
  std::memcpy(frame.data(), &mac, 6);
  return frame;
}
Frame of_ethertype(uint16_t type) {
  Frame frame(60, std::byte{0});
  store_be16(frame.data() + 12, type);
  return for_mac(frame);
}
void write_header_sum(Frame& frame) {
  store_be16(frame.data() + 14 + 10, 0);
  uint32_t sum = 0;
  for (int i = 0; i < 20; i += 2) sum += load_be16(frame.data() + 14 + i);
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  store_be16(frame.data() + 14 + 10, uint16_t(~sum));
}
// IPv4 with a payload of some protocol.
Frame of_protocol(uint8_t protocol) {
  Frame made = frame({.tuple = tuple("198.51.100.7:1000", "192.0.2.1:2000", Protocol::kUdp)});
  made[14 + 9] = std::byte{protocol};
  write_header_sum(made);
  return for_mac(made);
}
Frame of_icmpv6(uint8_t type) {
  Frame made = frame({.tuple = tuple("[2001:db8:9::7]:1000", "[2001:db8:9::1]:2000", Protocol::kUdp)});
  made[14 + 6] = std::byte{58};
  made[14 + 40] = std::byte{type};
  return for_mac(made);
}
Frame tcp(const std::string& from, const std::string& to, uint8_t flags) {
  return for_mac(frame({.tuple = tuple(from, to), .tcp_flags = flags}));
}

class Admit : public testing::Test {
 protected:
  Admit() {
    image::PlanT plan = plan_of({});
    plan.settings->door_ports = {22, 179};
    take(plan);
  }
  void take(image::PlanT& plan) {
    site_.plan = build_live_plan(packed(plan), *site_.registry).value();
    site_.worker.plan = site_.plan.get();
    site_.worker.conversations = &conversations_;
  }
  // The door's queue, or the reason for which it got there by none.
  std::string queue(const Frame& frame) {
    Ends ends;
    const Outcome outcome = run(site_, ends, {frame}, {.mac = kMac})[0];
    if (ends.kernel.empty()) return std::string(name(outcome.reason));
    const char* const names[] = {"host", "service", "rest"};
    return names[ends.kernel[0].to];
  }
  void kernel_talks_to(const std::string& other, const std::string& here) {
    conversations_.remember(Conversations::hash(site_.plan->hash_key, tuple(other, here)), site_.worker.now_ms / 1000);
  }

  Conversations conversations_;
  Site site_;
};

TEST_F(Admit, WhatKeepsTheHostOnTheNetworkGoesFirst) {
  EXPECT_EQ(queue(of_ethertype(0x0806)), "host") << "ARP";
  EXPECT_EQ(queue(of_ethertype(0x88cc)), "host") << "LLDP";
  EXPECT_EQ(queue(of_protocol(112)), "host") << "VRRP";
  EXPECT_EQ(queue(of_protocol(89)), "host") << "OSPF";
  for (uint8_t type = 133; type <= 137; ++type) EXPECT_EQ(queue(of_icmpv6(type)), "host") << int(type);
}

TEST_F(Admit, PingIsAnsweredButNotBeforeNeighbours) {
  EXPECT_EQ(queue(of_protocol(1)), "service");
  EXPECT_EQ(queue(of_icmpv6(128)), "service");
}

TEST_F(Admit, TheHostsOwnPortsMayBeCalled) {
  EXPECT_EQ(queue(tcp("198.51.100.7:5555", "192.0.2.1:22", wire::kTcpSyn)), "host");
  EXPECT_EQ(queue(tcp("198.51.100.7:5555", "192.0.2.1:179", wire::kTcpSyn)), "host");
  EXPECT_EQ(queue(tcp("198.51.100.7:5555", "192.0.2.1:23", wire::kTcpSyn)), "rest");
}

TEST_F(Admit, WhoPretendsToGoOnWithTheHostIsAStrangerUntilTheHostTalksToHim) {
  const Frame calling = tcp("198.51.100.7:5555", "192.0.2.1:22", wire::kTcpAck);
  const Frame answering = tcp("198.51.100.9:179", "192.0.2.1:40000", wire::kTcpAck);
  EXPECT_EQ(queue(calling), "rest");
  EXPECT_EQ(queue(answering), "rest");
  EXPECT_EQ(queue(tcp("198.51.100.7:5555", "192.0.2.1:22", wire::kTcpSyn | wire::kTcpAck)), "rest");
  kernel_talks_to("198.51.100.7:5555", "192.0.2.1:22");
  kernel_talks_to("198.51.100.9:179", "192.0.2.1:40000");
  EXPECT_EQ(queue(calling), "host");
  EXPECT_EQ(queue(answering), "host") << "a BGP session that the host began";
}

TEST_F(Admit, AnswersToTheHostsConnectionsPassBeforeStrangers) {
  const Frame answer = tcp("10.0.0.11:8080", "192.0.2.1:40000", wire::kTcpSyn | wire::kTcpAck);
  EXPECT_EQ(queue(answer), "rest");
  kernel_talks_to("10.0.0.11:8080", "192.0.2.1:40000");
  EXPECT_EQ(queue(answer), "service");
  EXPECT_EQ(queue(tcp("10.0.0.11:8080", "192.0.2.1:40001", wire::kTcpAck)), "rest");
}

TEST_F(Admit, LocalServicesAreServedAndStrangersWait) {
  EXPECT_EQ(queue(tcp("198.51.100.7:5555", "203.0.113.3:80", wire::kTcpSyn)), "service");
  EXPECT_EQ(queue(tcp("198.51.100.7:5555", "203.0.113.3:81", wire::kTcpSyn)), "rest");
  EXPECT_EQ(queue(of_ethertype(0x9000)), "rest");
  EXPECT_EQ(queue(of_protocol(47)), "rest");
}

TEST_F(Admit, ALaterFragmentIsAStranger) {
  Frame fragment = of_protocol(17);
  store_be16(fragment.data() + 14 + 6, 100);  // its offset
  write_header_sum(fragment);
  store_be16(fragment.data() + 34, 22), store_be16(fragment.data() + 36, 22);  // payload that looks like ports
  EXPECT_EQ(queue(fragment), "rest");
}

TEST_F(Admit, WhatIsForAnotherLinkAddressIsDroppedUnlessItIsLetIn) {
  constexpr uint64_t kOther = 0x0605'0403'0302;
  const Frame frames[] = {tcp("198.51.100.7:5555", "192.0.2.1:22", wire::kTcpSyn), of_ethertype(0x0806), of_protocol(1),
                          of_icmpv6(135), of_ethertype(wire::kEtherVlan)};
  for (const Frame& frame : frames) {
    EXPECT_EQ(queue(for_mac(frame, kOther)), "for_another_host");
    EXPECT_EQ(queue(frame).find("another"), std::string::npos);
    EXPECT_EQ(queue(for_mac(frame, 0xffff'ffff'ffff)).find("another"), std::string::npos) << "broadcast";
    EXPECT_EQ(queue(for_mac(frame, 0x0100'005e'0001)).find("another"), std::string::npos) << "a group";
    EXPECT_EQ(queue(for_mac(frame, 0x0701'005e'0000)).find("another"), std::string::npos) << "a virtual router";
    EXPECT_EQ(queue(for_mac(frame, 0x0702'005e'0000)).find("another"), std::string::npos) << "one of IPv6";
  }
  EXPECT_EQ(site_.drops(Reason::k_for_another_host), 5u);
  image::PlanT plan = plan_of({});
  plan.settings->door_other_hosts = true;
  take(plan);
  for (const Frame& frame : frames) EXPECT_EQ(queue(for_mac(frame, kOther)).find("another"), std::string::npos);
}

TEST_F(Admit, ExplainNamesTheQueue) {
  const auto last_line = [&](const std::string& destination) {
    Explanation e;
    e.tuple = tuple("198.51.100.7:5555", destination);
    explain(site_.worker, e);
    return story(*site_.plan, *site_.registry, e).back();
  };
  EXPECT_NE(last_line("192.0.2.1:22").find("before everything else"), std::string::npos) << last_line("192.0.2.1:22");
  EXPECT_NE(last_line("203.0.113.3:80").find("as a service's"), std::string::npos);
  EXPECT_NE(last_line("192.0.2.1:23").find("within dataplane.door.rate"), std::string::npos);
}

TEST_F(Admit, EachQueueRefusesForItself) {
  Ends ends;
  ends.door_room = 1;
  const Frame arp = of_ethertype(0x0806), ping = of_protocol(1),
              stray = tcp("198.51.100.7:5555", "192.0.2.1:81", wire::kTcpSyn);
  const auto outcomes = run(site_, ends, {arp, stray, ping, stray, stray, ping, ping, ping, arp}, {.mac = kMac});
  EXPECT_EQ(ends.kernel.size(), 3u);
  EXPECT_EQ(site_.drops(Reason::k_door_host_full), 1u);
  EXPECT_EQ(site_.drops(Reason::k_door_full), 3u);
  EXPECT_EQ(site_.drops(Reason::k_door_rest_full), 2u);
  EXPECT_EQ(outcomes[8].reason, Reason::k_door_host_full);
}

}  // namespace
}  // namespace cardea::dataplane::test
