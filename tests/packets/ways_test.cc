// A site with two ports, NAT addresses of its own and routes that change: by which way packets leave, from which
// address, and whose link address is asked for.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/packets/connection.h"
#include "tests/packets/reference_sum.h"

namespace cardea::dataplane::test {
namespace {

using wire::kTcpAck, wire::kTcpRst, wire::kTcpSyn;

const FlowTuple kNat = tuple("198.51.100.7:5555", "203.0.113.1:80");
const FlowTuple kNat6 = tuple("[2001:db8:9::7]:5555", "[2001:db8::1]:80");
const FlowTuple kTunnel = tuple("198.51.100.7:5555", "203.0.113.2:80");
const FlowTuple kTunnel6 = tuple("[2001:db8:9::7]:5555", "[2001:db8::2]:80");
const char *const kFirst = "192.0.2.10", *const kSecond = "192.0.2.11", *const kNatV6 = "2001:db8:5::a";
const SiteOptions kTwoPorts{.lan = true};
const SiteOptions kOwnAddresses{.lan = true, .nat_addresses = {kFirst, kSecond, kNatV6}};

FlowTuple client(const FlowTuple& of, uint16_t port) {
  FlowTuple t = of;
  t.source_port_be = __builtin_bswap16(port);
  return t;
}

uint64_t left_by(const Site& site, size_t port) {
  return site.worker.cells[site.path_cells.ports[port].packets_out];
}

// By which port one frame leaves.
uint32_t way_of(Site& site, const std::vector<std::byte>& bytes) {
  Ends ends;
  const Outcome outcome = run(site, ends, {bytes})[0];
  EXPECT_EQ(outcome.verdict, Verdict::kForward) << name(outcome.reason);
  return ends.sent.size() == 1 ? ends.sent[0].to : 99;
}

TEST(TwoPorts, BackendsAreReachedByTheOneAndClientsByTheOther) {
  for (const FlowTuple& t : {kNat, kNat6}) {
    Site site(kTwoPorts);
    Connection connection(site, t);
    EXPECT_EQ(way_of(site, frame({t, kTcpSyn})), 1u);
    connection.syn();
    EXPECT_EQ(connection.reply_tuple().destination.text(), t.source.is_v4() ? "10.0.0.1" : "fd00::1")
        << "the address of the port that leads to the backend";
    EXPECT_EQ(way_of(site, connection.backend_frame(kTcpSyn | kTcpAck, 0)), 0u);
    EXPECT_EQ(left_by(site, 0), 1u);
    EXPECT_EQ(left_by(site, 1), 2u);
  }
}

TEST(TwoPorts, TunnelsLeaveFromTheAddressOfTheirPort) {
  for (const FlowTuple& t : {kTunnel, kTunnel6}) {
    Site site(kTwoPorts);
    EXPECT_EQ(way_of(site, frame({t})), 1u);
    FlowTuple outer;
    wire::read_frame(run(site, frame({t})).frame, outer);
    EXPECT_EQ(outer.source.text(), t.source.is_v4() ? "10.0.0.1" : "fd00::1");
  }
}

TEST(TwoPorts, OneBurstLeavesByBoth) {
  Site site(kTwoPorts);
  Connection connection(site, kNat);
  connection.open();
  Ends ends;
  const auto outcomes = run(site, ends,
                            {connection.client_frame(kTcpAck), connection.backend_frame(kTcpAck),
                             connection.client_frame(kTcpAck), frame({kTunnel}), connection.backend_frame(kTcpAck)});
  for (const Outcome& outcome : outcomes) EXPECT_EQ(outcome.verdict, Verdict::kForward);
  std::map<uint32_t, int> by_port;
  for (const auto& given : ends.sent) ++by_port[given.to];
  EXPECT_EQ(by_port, (std::map<uint32_t, int>{{0, 2}, {1, 3}}));
}

TEST(NatAddresses, OfThePlanAreUsedAllOfThemAndThePortsOwnAreNot) {
  Site site(kOwnAddresses);
  std::map<std::string, int> used;
  for (uint16_t port = 1000; port < 1100; ++port) {
    Connection connection(site, client(kNat, port));
    connection.open();
    EXPECT_EQ(connection.state(), FlowState::kEstablished);
    ++used[connection.reply_tuple().destination.text()];
  }
  EXPECT_EQ(used.size(), 2u);
  EXPECT_GT(used[kFirst], 20);
  EXPECT_GT(used[kSecond], 20);
  Connection v6(site, kNat6);
  v6.open();
  EXPECT_EQ(v6.reply_tuple().destination.text(), kNatV6);
}

TEST(NatAddresses, EachHasItsPortsAndTheSecondServesWhereTheFirstIsUsedUp) {
  SiteOptions options = kOwnAddresses;
  options.backends = 1, options.nat_port_first = 4000, options.nat_port_last = 4003;
  Site site(options);
  std::set<std::pair<std::string, uint16_t>> sources;
  for (uint16_t port = 1000; port < 1008; ++port) {
    Connection connection(site, client(kNat, port));
    connection.open();
    EXPECT_EQ(connection.state(), FlowState::kEstablished) << port;
    sources.emplace(connection.reply_tuple().destination.text(), connection.reply_tuple().destination_port_be);
  }
  EXPECT_EQ(sources.size(), 8u) << "four ports of two addresses";
  EXPECT_EQ(name(run(site, frame({client(kNat, 2000), kTcpSyn})).reason), name(Reason::k_no_nat_port));
}

TEST(NatAddresses, APortAddressIsNoneOfThemAndItsPacketsAreTheKernels) {
  Site site(kOwnAddresses);
  const Outcome outcome = run(site, frame({tuple("10.0.0.11:8080", "10.0.0.1:4000")}));
  EXPECT_EQ(outcome.verdict, Verdict::kDoor);
  EXPECT_EQ(name(outcome.reason), name(Reason::k_not_a_service));
  EXPECT_EQ(name(run(site, frame({tuple("10.0.0.11:8080", "192.0.2.10:4000")})).reason), name(Reason::k_no_flow));
}

TEST(NatAddresses, WithoutOneOfItsFamilyABackendGetsNoFlow) {
  SiteOptions options = kTwoPorts;
  options.nat_addresses = {kFirst};
  Site site(options);
  EXPECT_EQ(name(run(site, frame({kNat6, kTcpSyn})).reason), name(Reason::k_no_source_address));
  EXPECT_EQ(run(site, frame({kNat, kTcpSyn})).verdict, Verdict::kForward);
}

uint64_t flows_of(const Site& site, const char* address) {
  for (const NatSource& source : site.plan->nat_sources)
    if (source.address.text() == address) return site.worker.cells[source.flows];
  return 999;
}

TEST(NatAddresses, OneThatComesWithAReloadIsUsedAndTheOthersFlowsGoOn) {
  SiteOptions one = kOwnAddresses;
  one.nat_addresses = {kFirst, kNatV6};
  one.backends = 1, one.nat_port_first = 4000, one.nat_port_last = 4019;
  Site site(one);
  std::vector<Connection> before;
  for (uint16_t port = 1000; port < 1020; ++port) before.emplace_back(site, client(kNat, port)).open();
  const Outcome refused = run(site, frame({client(kNat, 2000), kTcpSyn}));
  ASSERT_EQ(name(refused.reason), name(Reason::k_no_nat_port)) << "the first address has no port left";
  EXPECT_EQ(flows_of(site, kFirst), 20u);

  SiteOptions two = one;
  two.nat_addresses = {kFirst, kSecond, kNatV6};
  site.reload(plan_of(two));
  ++site.worker.now_ms;  // a search that failed is not repeated at once
  for (uint16_t port = 2000; port < 2020; ++port) {
    Connection connection(site, client(kNat, port));
    connection.open();
    EXPECT_EQ(connection.state(), FlowState::kEstablished);
    EXPECT_EQ(connection.reply_tuple().destination.text(), kSecond);
    EXPECT_EQ(connection.backend(kTcpAck).verdict, Verdict::kForward) << "and its answers come back by it";
  }
  EXPECT_EQ(flows_of(site, kSecond), 20u);
  EXPECT_EQ(flows_of(site, kFirst), 20u);
  EXPECT_EQ(name(run(site, frame({client(kNat, 3000), kTcpSyn})).reason), name(Reason::k_no_nat_port));
  for (Connection& connection : before) {
    EXPECT_EQ(connection.reply_tuple().destination.text(), kFirst);
    EXPECT_EQ(connection.backend(kTcpAck).verdict, Verdict::kForward);
    EXPECT_EQ(connection.client(kTcpAck).verdict, Verdict::kForward);
  }
}

TEST(NatAddresses, OneThatLeavesThePlanKeepsItsFlowsUntilTheyEnd) {
  Site site(kOwnAddresses);
  std::vector<Connection> kept;
  for (uint16_t port = 1000; kept.size() < 2; ++port) {
    Connection connection(site, client(kNat, port));
    connection.open();
    if (connection.reply_tuple().destination.text() == kSecond) kept.push_back(connection);
  }
  EXPECT_EQ(flows_of(site, kSecond), 2u);
  SiteOptions fewer = kOwnAddresses;
  fewer.nat_addresses = {kFirst};
  site.reload(plan_of(fewer));
  for (Connection& connection : kept) {
    EXPECT_EQ(connection.backend(kTcpAck).verdict, Verdict::kForward) << "replies are still ours";
    EXPECT_EQ(connection.client(kTcpAck).verdict, Verdict::kForward);
  }
  EXPECT_EQ(name(run(site, frame({kNat6, kTcpSyn})).reason), name(Reason::k_no_source_address))
      << "it gets no new ones";
  for (uint16_t port = 3000; port < 3050; ++port) {
    Connection connection(site, client(kNat, port));
    connection.syn();
    EXPECT_EQ(connection.reply_tuple().destination.text(), kFirst);
  }
  auto without_v6 = without_unused_nat_sources(*site.plan, *site.registry);
  ASSERT_NE(without_v6, nullptr) << "the third address had no flows";
  EXPECT_EQ(without_v6->nat_sources.size(), 2u);
  site.plan = std::move(without_v6);
  site.worker.plan = site.plan.get();
  EXPECT_EQ(without_unused_nat_sources(*site.plan, *site.registry), nullptr) << "the second has";
  for (Connection& connection : kept) {
    connection.client(kTcpRst);
    const FlowTuple& t = connection.client_tuple();
    site.worker.flows.head(site.worker.flows.find(flow_hash(site.plan->hash_key, t), t)).last_seen_ms -= 60'000;
  }
  for (int ms = 0; ms < 1001; ++ms) ++site.worker.now_ms, path::tend(site.worker);
  EXPECT_EQ(flows_of(site, kSecond), 0u);
  site.registry->forget_plan();
  keep(*site.plan, *site.registry);
  site.registry->free_unused();
  const auto tidied = without_unused_nat_sources(*site.plan, *site.registry);
  ASSERT_NE(tidied, nullptr);
  ASSERT_EQ(tidied->nat_sources.size(), 1u);
  EXPECT_EQ(tidied->nat_sources[0].address.text(), kFirst);
  EXPECT_EQ(tidied->listen_table->use_of(IpAddress::parse(kSecond).value()), 0);
  EXPECT_EQ(tidied->listen_table->use_of(IpAddress::parse(kFirst).value()), kNatAddress);
}

Hop hop(uint16_t port, uint8_t mac, HopState state, const char* address) {
  return {{2, 0, 0, 0, 9, mac}, {2, 0, 0, 0, 0, 2}, port, 1500, state, IpAddress::parse(address).value()};
}

uint8_t sent_to(const Outcome& outcome) {
  return outcome.frame.size() < 6 ? 0 : uint8_t(outcome.frame[5]);
}

TEST(Routes, TowardsClientsAreLookedUpAgainWhenTheyChange) {
  Site site(kTwoPorts);
  Connection connection(site, kNat);
  connection.open();
  EXPECT_EQ(sent_to(connection.backend(kTcpAck)), 1) << "port 0's gateway";
  site.route("198.51.100.0/24", hop(1, 77, HopState::kResolved, "10.0.0.77"));
  EXPECT_EQ(sent_to(connection.backend(kTcpAck)), 77);
  EXPECT_EQ(way_of(site, connection.backend_frame(kTcpAck)), 1u);
  site.route("198.51.100.7/32", hop(0, 78, HopState::kFailed, "10.0.0.78"));
  EXPECT_EQ(name(connection.backend(kTcpAck).reason), name(Reason::k_neighbour_failed));
}

TEST(Routes, TowardsBackendsAreTheNewOnesAtOnce) {
  for (const bool nat : {true, false}) {
    Site site(kTwoPorts);
    const FlowTuple t = nat ? kNat : kTunnel;
    const SlotId slot = run(site, frame({t, kTcpSyn})).slot;
    site.route(site.plan->slots[slot].address.text() + "/32", hop(0, 79, HopState::kResolved, "192.0.2.79"));
    const Outcome outcome = run(site, frame({t, kTcpAck}));
    EXPECT_EQ(sent_to(outcome), 79);
    EXPECT_EQ(way_of(site, frame({t, kTcpAck})), 0u);
    FlowTuple source;
    wire::read_frame(outcome.frame, source);
    EXPECT_EQ(source.source.text(), nat ? "10.0.0.1" : "192.0.2.1")
        << "a connection keeps its address, a tunnel has none";
  }
}

// What a packet that waits asks the kernel for, and on which port.
struct Asked {
  uint32_t port = 0;
  std::string address;
  bool operator==(const Asked&) const = default;
};
Asked asked(Site& site, const std::vector<std::byte>& bytes) {
  Ends ends;
  EXPECT_EQ(run(site, ends, {bytes})[0].verdict, Verdict::kWait);
  return ends.waiting.size() == 1 ? Asked{ends.waiting[0].to, ends.waiting[0].next.text()} : Asked{};
}

TEST(Waiting, AsksForWhoeverIsNextOnThePacketsOwnWay) {
  for (const bool on_link : {true, false}) {
    Site site(kTwoPorts);
    Connection connection(site, kNat);
    const SlotId slot = connection.syn().slot;
    connection.syn_ack(), connection.ack();
    const std::string backend = site.plan->slots[slot].address.text();
    const HopState state = on_link ? HopState::kOnLink : HopState::kUnresolved;
    site.route("198.51.100.0/24", hop(0, 1, state, "192.0.2.254"));
    site.route(backend + "/32", hop(1, 2, state, "10.0.0.254"));
    EXPECT_EQ(asked(site, connection.client_frame(kTcpAck)), (Asked{1, on_link ? backend : "10.0.0.254"}));
    EXPECT_EQ(asked(site, connection.backend_frame(kTcpAck)), (Asked{0, on_link ? "198.51.100.7" : "192.0.2.254"}));
  }
}

// The datagram with these two bytes in it, its checksum by the reference.
std::vector<std::byte> with_word(std::vector<std::byte> bytes, const wire::Frame& read, uint16_t word) {
  store_be16(bytes.data() + read.l4 + 8, word);
  store_be16(bytes.data() + read.l4 + 6, 0);
  const auto sum = uint16_t(~l4_sum_by_reference(bytes, read));
  store_be16(bytes.data() + read.l4 + 6, sum == 0 ? 0xffff : sum);
  return bytes;
}

// All 65,536 checksums there are, both ways: none leaves as 0, which says that there is none (RFC 768).
TEST(UdpChecksums, AreNeverMadeToSayThatThereIsNone) {
  for (const bool v6 : {false, true}) {
    Site site;
    const FlowTuple t = v6 ? tuple("[2001:db8:9::7]:5555", "[2001:db8::1]:53", Protocol::kUdp)
                           : tuple("198.51.100.7:5555", "203.0.113.1:53", Protocol::kUdp);
    const FlowTuple reply = answer_to(run(site, frame({t})).frame);
    for (const FlowTuple& way : {t, reply}) {
      const std::vector<std::byte> bytes = frame({.tuple = way, .payload = 2});
      FlowTuple ignored;
      const wire::Frame read = wire::read_frame(bytes, ignored);
      std::set<uint16_t> sums;
      for (uint32_t word = 0; word < 0x10000;) {
        std::vector<std::vector<std::byte>> burst;
        for (uint32_t i = 0; i < kBurstMax; ++i) burst.push_back(with_word(bytes, read, uint16_t(word++)));
        Ends ends;
        run(site, ends, burst);
        ASSERT_EQ(ends.sent.size(), kBurstMax);
        for (const auto& given : ends.sent) {
          sums.insert(load_be16(given.frame.data() + read.l4 + 6));
          ASSERT_TRUE(l4_sum_right_by_reference(given.frame, read)) << word;
        }
      }
      EXPECT_FALSE(sums.contains(0));
      EXPECT_EQ(sums.size(), 0xffffu) << "every other one was made";
    }
  }
}

}  // namespace
}  // namespace cardea::dataplane::test
