// What one packet may hold: a place in the table and a NAT port until somebody else needs them.
#include <gtest/gtest.h>

#include "tests/packets/connection.h"

namespace cardea::dataplane::test {
namespace {

using wire::kTcpAck, wire::kTcpRst, wire::kTcpSyn;

// Client number `client` of a service.
FlowTuple from(uint32_t client, const char* service, Protocol protocol = Protocol::kTcp) {
  FlowTuple t =
      tuple("198.51.100.7:5555", std::string(service) + (protocol == Protocol::kTcp ? ":80" : ":53"), protocol);
  t.source = IpAddress::v4(0x14000000 + client);
  return t;
}
const char* const kTunnel = "203.0.113.2";
const char* const kNat = "203.0.113.1";

uint64_t flows_counted(const Site& site) {
  uint64_t sum = 0;
  for (const LiveSlot& slot : site.plan->slots) sum += site.worker.cells[slot.cells.flows];
  return sum;
}
uint64_t of_services(const Site& site) {
  uint64_t sum = 0;
  for (const LiveService& service : *site.plan->services) sum += site.worker.cells[service.cells.flows];
  return sum;
}
uint64_t taken(const Site& site) {
  return site.worker.cells[site.path_cells.ports_taken];
}

TEST(Unproven, LoneAcksAndDatagramsDoNotKeepAConnectionOut) {
  for (const Protocol protocol : {Protocol::kTcp, Protocol::kUdp})
    for (const char* service : {kTunnel, kNat}) {
      Site site({.flows = 64});
      for (uint32_t i = 0; i < 300; ++i) {
        ++site.worker.now_ms;
        run(site, frame({from(i, service, protocol), kTcpAck}));
      }
      ++site.worker.now_ms;
      Connection connection(site, from(1000, kNat));
      connection.open();
      EXPECT_EQ(connection.state(), FlowState::kEstablished) << service;
      EXPECT_LE(site.worker.flows.size(), 64u);
      EXPECT_EQ(flows_counted(site), site.worker.flows.size()) << "those that made room left their gauges";
      EXPECT_EQ(of_services(site), site.worker.flows.size());
    }
}

TEST(Unproven, AnEstablishedConnectionOutlivesAnyFloodOfOthers) {
  Site site({.flows = 64});
  Connection connection(site, from(0, kNat));
  connection.open();
  for (uint32_t i = 1; i < 1000; ++i) {
    ++site.worker.now_ms;
    run(site, frame({from(i, i % 2 ? kNat : kTunnel), kTcpSyn}));
    run(site, frame({from(i, i % 2 ? kNat : kTunnel, Protocol::kUdp)}));
  }
  EXPECT_EQ(connection.state(), FlowState::kEstablished);
  EXPECT_GT(site.worker.cells[site.path_cells.evicted], 900u);
  EXPECT_EQ(flows_counted(site), site.worker.flows.size());
}

TEST(Unproven, TunnelsWhoseClientsOnlyPretendLeaveRoomForWhatProvesItself) {
  Site site({.flows = 64});
  for (uint32_t i = 0; i < 100; ++i)
    for (int packets = 0; packets < 2; ++packets) run(site, frame({from(i, kTunnel)}));
  EXPECT_EQ(site.worker.flows.size(), 56u);
  EXPECT_GT(site.worker.cells[site.path_cells.bypassed], 0u);
  for (uint32_t i = 0; i < 8; ++i) {
    Connection connection(site, from(1000 + i, kNat));
    connection.open();
    EXPECT_EQ(connection.state(), FlowState::kEstablished) << i;
  }
  Connection one_more(site, from(2000, kNat));
  EXPECT_EQ(name(one_more.syn().reason), name(Reason::k_flow_table_full));
}

TEST(Unproven, DatagramsWithoutAFollowUpAreForgottenSooner) {
  Site site;
  const uint32_t udp_ms = site.plan->settings.timeouts.udp_ms;
  run(site, frame({from(1, kNat, Protocol::kUdp)}));
  for (int i = 0; i < 2; ++i) run(site, frame({from(2, kTunnel, Protocol::kUdp)}));
  for (uint32_t ms = 0; ms < udp_ms / 3; ++ms) ++site.worker.now_ms, path::tend(site.worker);
  EXPECT_EQ(site.worker.flows.size(), 2u);
  for (uint32_t ms = 0; ms < 1001; ++ms) ++site.worker.now_ms, path::tend(site.worker);
  EXPECT_EQ(state_of(site, from(1, kNat, Protocol::kUdp)), FlowState::kFree);
  EXPECT_EQ(state_of(site, from(2, kTunnel, Protocol::kUdp)), FlowState::kUdp);
}

TEST(NatSource, HalfOpenConnectionsGiveTheirPortsUpTheStalestFirst) {
  Site site({.backends = 1, .nat_port_first = 4000, .nat_port_last = 4003});
  std::vector<Connection> flood;
  for (uint32_t i = 0; i < 4; ++i) {
    flood.emplace_back(site, from(i, kNat));
    flood.back().syn();
    ++site.worker.now_ms;
  }
  EXPECT_EQ(taken(site), 0u);
  flood[0].syn();  // heard of again: now the second is the stalest
  ++site.worker.now_ms;
  Connection connection(site, from(100, kNat));
  connection.open();
  EXPECT_EQ(connection.state(), FlowState::kEstablished);
  EXPECT_EQ(connection.reply_tuple(), flood[1].reply_tuple());
  EXPECT_EQ(flood[1].state(), FlowState::kFree);
  EXPECT_EQ(taken(site), 1u);
  EXPECT_EQ(site.worker.flows.size(), 4u);
  EXPECT_EQ(flows_counted(site), 4u);
}

TEST(NatSource, OneShotDatagramsGiveTheirPortsUpToo) {
  Site site({.backends = 1, .nat_port_first = 4000, .nat_port_last = 4003});
  for (uint32_t i = 0; i < 100; ++i) {
    ++site.worker.now_ms;
    const Outcome outcome = run(site, frame({from(i, kNat, Protocol::kUdp)}));
    EXPECT_EQ(outcome.verdict, Verdict::kForward) << i;
    run(site, frame({answer_to(outcome.frame)}));
  }
  EXPECT_EQ(taken(site), 96u);
}

TEST(NatSource, AFloodOfSynsLeavesAHandshakeTheTimeOfAWholeRound) {
  constexpr uint16_t kPorts = 1000;
  Site site({.backends = 1, .flows = 4096, .nat_port_first = 4000, .nat_port_last = 4000 + kPorts - 1});
  uint32_t client = 0;
  const auto flood = [&](uint32_t syns) {
    for (uint32_t i = 0; i < syns; ++i) {
      if (i % 10 == 0) ++site.worker.now_ms;
      EXPECT_EQ(run(site, frame({from(++client, kNat), kTcpSyn})).verdict, Verdict::kForward) << i;
    }
  };
  flood(5 * kPorts);
  for (int i = 0; i < 20; ++i) {
    Connection connection(site, from(100'000 + uint32_t(i), kNat));
    connection.syn();
    flood(kPorts / 2);
    connection.syn_ack(), connection.ack();
    EXPECT_EQ(connection.state(), FlowState::kEstablished) << i;
  }
}

TEST(NatSource, EstablishedConnectionsKeepTheirPortsUntilTheyWereIdleForLong) {
  Site site({.backends = 1, .nat_port_first = 4000, .nat_port_last = 4001});
  Connection quiet(site, from(1, kNat)), busy(site, from(2, kNat)), next(site, from(3, kNat));
  quiet.open(), busy.open();
  site.worker.now_ms += site.plan->settings.timeouts.tcp_established_ms / 3;
  busy.client(kTcpAck);
  EXPECT_EQ(name(next.syn().reason), name(Reason::k_no_nat_port));
  ++site.worker.now_ms;
  next.open();
  EXPECT_EQ(next.state(), FlowState::kEstablished);
  EXPECT_EQ(next.reply_tuple(), quiet.reply_tuple());
  EXPECT_EQ(busy.state(), FlowState::kEstablished);
  EXPECT_EQ(taken(site), 1u);
}

TEST(NatSource, AClosedConnectionRestsASecondHoweverShortItsTimeoutIs) {
  const SiteOptions options{.backends = 1, .nat_port_first = 4000, .nat_port_last = 4000};
  Site site(options);
  image::PlanT plan = plan_of(options);
  plan.settings->tcp_closing_timeout_ms = 1000;
  site.reload(plan);
  Connection closed(site, from(1, kNat)), next(site, from(2, kNat));
  closed.open();
  closed.client(wire::kTcpFin | kTcpAck), closed.backend(wire::kTcpFin | kTcpAck);
  site.worker.now_ms += 999;
  EXPECT_EQ(name(next.syn().reason), name(Reason::k_no_nat_port));
  ++site.worker.now_ms;
  EXPECT_EQ(next.syn().verdict, Verdict::kForward);
}

TEST(NatSource, APortThatAServiceListensOnIsNone) {
  const SiteOptions options{.backends = 1, .nat_port_first = 4000, .nat_port_last = 4001};
  Site site(options);
  image::PlanT plan = plan_of(options);
  auto own = *plan.services[0]->listen.data();
  const auto address = IpAddress::parse("10.0.0.1").value();
  own = image::Listen(image::Address(flatbuffers::span<const uint8_t, 16>(address.bytes.data(), 16)), 4000,
                      image::Protocol::tcp);
  plan.services[0]->listen.push_back(own);
  site.reload(plan);
  Connection only(site, from(1, kNat)), next(site, from(2, kNat));
  EXPECT_EQ(only.syn().verdict, Verdict::kForward);
  EXPECT_EQ(only.reply_tuple().destination_port_be, __builtin_bswap16(4001));
  EXPECT_EQ(name(next.syn().reason), name(Reason::k_no_nat_port));
}

TEST(NatSource, ASearchThatExplainMadeInVainIsMadeAgain) {
  Site site({.backends = 1, .nat_port_first = 4000, .nat_port_last = 4000});
  Connection holder(site, from(1, kNat));
  holder.open();
  Explanation e;
  e.tuple = from(2, kNat);
  explain(site.worker, e);
  EXPECT_EQ(name(e.reason), name(Reason::k_no_nat_port));
  const FlowTuple& held = holder.client_tuple();
  site.worker.flows.remove(site.worker.flows.find(flow_hash(site.plan->hash_key, held), held));
  EXPECT_EQ(run(site, frame({from(2, kNat), kTcpSyn})).verdict, Verdict::kForward) << "in the same millisecond";
}

TEST(NatSource, ASearchThatFoundNoneIsNotMadeAgainWithinTheMillisecond) {
  Site site({.backends = 1, .nat_port_first = 4000, .nat_port_last = 4000});
  Connection holder(site, from(1, kNat));
  holder.open();
  const Outcome udp = run(site, frame({from(1, kNat, Protocol::kUdp)}));
  EXPECT_EQ(udp.verdict, Verdict::kForward) << "the protocols have ports of their own";
  ++site.worker.now_ms;
  EXPECT_EQ(name(run(site, frame({from(2, kNat), kTcpSyn})).reason), name(Reason::k_no_nat_port));
  const FlowTuple& held = holder.client_tuple();
  site.worker.flows.remove(site.worker.flows.find(flow_hash(site.plan->hash_key, held), held));
  EXPECT_EQ(name(run(site, frame({from(2, kNat), kTcpSyn})).reason), name(Reason::k_no_nat_port));
  EXPECT_EQ(site.drops(Reason::k_no_nat_port), 2u);
  ++site.worker.now_ms;
  EXPECT_EQ(run(site, frame({from(2, kNat), kTcpSyn})).verdict, Verdict::kForward);
}

TEST(NatSource, FreePortsAreFoundBeyondALongStretchInUse) {
  constexpr uint32_t kPorts = 4000;
  Site site({.backends = 1, .flows = 8192, .nat_port_first = 4000, .nat_port_last = 4000 + kPorts - 1});
  for (uint32_t i = 0; i < kPorts; ++i) Connection(site, from(i, kNat)).open();
  for (uint32_t i = 2000; i < 2200; ++i) {  // ports were given in order, so those free stand side by side
    const FlowTuple t = from(i, kNat);
    site.worker.flows.remove(site.worker.flows.find(flow_hash(site.plan->hash_key, t), t));
  }
  for (uint32_t i = 0; i < 50; ++i) {
    ++site.worker.now_ms;
    EXPECT_EQ(run(site, frame({from(10'000 + i, kNat), kTcpSyn})).verdict, Verdict::kForward) << i;
  }
}

TEST(NatSource, ExplainTakesNoPortFromAnybody) {
  Site site({.backends = 1, .nat_port_first = 4000, .nat_port_last = 4000});
  Connection half_open(site, from(1, kNat));
  half_open.syn();
  site.worker.now_ms += 2000;
  Explanation e;
  e.tuple = from(2, kNat);
  explain(site.worker, e);
  EXPECT_EQ(e.verdict, Verdict::kForward);
  EXPECT_EQ(e.rewritten.source_port_be, half_open.reply_tuple().destination_port_be);
  EXPECT_EQ(half_open.state(), FlowState::kSyn);
  EXPECT_EQ(taken(site), 0u);
}

}  // namespace
}  // namespace cardea::dataplane::test
