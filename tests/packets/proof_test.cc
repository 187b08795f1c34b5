// What proves a flow, and what may end one: neither can be had with a forged address alone.
#include <gtest/gtest.h>

#include "tests/packets/connection.h"

namespace cardea::dataplane::test {
namespace {

constexpr uint32_t kFinWindow = 4u << 20;  // path/evidence.cc

using wire::kTcpAck, wire::kTcpFin, wire::kTcpRst, wire::kTcpSyn;

const FlowTuple kClients[] = {tuple("198.51.100.7:5555", "203.0.113.1:80"),
                              tuple("[2001:db8:9::7]:5555", "[2001:db8::1]:80")};
const FlowTuple kTunnel = tuple("198.51.100.7:5555", "203.0.113.2:80");
const FlowTuple kDatagrams = tuple("198.51.100.7:5555", "203.0.113.1:53", Protocol::kUdp);
const FlowTuple kTunnelDatagrams = tuple("198.51.100.7:5555", "203.0.113.2:53", Protocol::kUdp);

TEST(Handshake, EstablishesAFlowWhenTheClientAcknowledgesTheBackendsAnswer) {
  for (const FlowTuple& client : kClients) {
    Site site;
    Connection connection(site, client);
    connection.syn();
    EXPECT_EQ(connection.state(), FlowState::kSyn);
    connection.ack();
    EXPECT_EQ(connection.state(), FlowState::kSyn) << "of what?";
    connection.syn_ack();
    EXPECT_EQ(connection.state(), FlowState::kSyn) << "the backend answers whoever the client is";
    for (const uint32_t guess : {0u, 0x80000000u, 1u + (1u << 16)}) {
      connection.client(kTcpAck, 1, 0, guess);
      EXPECT_EQ(connection.state(), FlowState::kSyn) << guess;
    }
    EXPECT_EQ(connection.ack().verdict, Verdict::kForward);
    EXPECT_EQ(connection.state(), FlowState::kEstablished);
  }
}

TEST(Handshake, TheClientsFirstAcknowledgementMayBeOfDataAlready) {
  Site site;
  Connection connection(site, kClients[0]);
  connection.syn(), connection.syn_ack();
  connection.client(kTcpAck, 1, 100, 1 + 60'000);
  EXPECT_EQ(connection.state(), FlowState::kEstablished);
}

TEST(Handshake, ASynDoesNotAcknowledge) {
  Site site;
  Connection connection(site, kClients[0]);
  connection.syn(), connection.syn_ack();
  connection.client(kTcpSyn | kTcpAck, 0);
  connection.client(0);
  connection.backend(kTcpAck);
  EXPECT_EQ(connection.state(), FlowState::kSyn);
}

TEST(Reset, OutsideOfWhatItsReceiverExpectsChangesNothing) {
  for (const FlowTuple& client : kClients) {
    Site site({.backends = 1, .nat_port_first = 4000, .nat_port_last = 4000});
    Connection connection(site, client);
    connection.open();
    connection.client(kTcpAck, 1, 1000), connection.backend(kTcpAck, 1, 0, 1001);
    const uint32_t since = site.worker.now_ms;
    site.worker.now_ms += 100;
    for (const uint32_t blind : {1000u, 1001u + (1u << 16), 0x80000000u, 0u}) {
      EXPECT_EQ(connection.client(kTcpRst, blind).verdict, Verdict::kForward) << "its receiver judges";
      EXPECT_EQ(connection.state(), FlowState::kEstablished) << blind;
    }
    EXPECT_EQ(connection.backend(kTcpRst, 0).verdict, Verdict::kForward);
    connection.backend(kTcpRst | kTcpAck, 1 + (1u << 20));
    EXPECT_EQ(connection.state(), FlowState::kEstablished);
    const FlowRef ref = site.worker.flows.find(flow_hash(site.plan->hash_key, client), client);
    EXPECT_EQ(site.worker.flows.head(ref).last_seen_ms, since) << "nor does it keep a flow alive";
    site.worker.now_ms += 5000;
    FlowTuple other = client;
    other.source_port_be = 7;
    EXPECT_EQ(name(run(site, frame({other, kTcpSyn})).reason), name(Reason::k_no_nat_port)) << "the port is in use";
    EXPECT_EQ(connection.client(kTcpAck, 1001, 10).verdict, Verdict::kForward);
  }
}

TEST(Reset, IsMeasuredByEveryAcknowledgementAlsoByThatOfAFin) {
  for (const FlowTuple& client : kClients) {
    Site site;
    Connection connection(site, client);
    connection.open();
    connection.backend(kTcpFin | kTcpAck, 1, 0, 200'000);
    connection.client(kTcpRst, 200'000);
    EXPECT_EQ(connection.state(), FlowState::kReset);
  }
}

TEST(Reset, ThatFitsEndsTheFlowFromEitherSide) {
  for (const FlowTuple& client : kClients)
    for (const uint32_t under_way : {0u, 1u, 60'000u}) {
      Site site;
      Connection connection(site, client);
      connection.open();
      connection.client(kTcpAck, 1, 1000), connection.backend(kTcpAck, 1, 0, 1001);
      connection.client(kTcpRst, 1001 + under_way);
      EXPECT_EQ(connection.state(), FlowState::kReset) << under_way;

      Connection second(site, {client.source, client.destination, 7, client.destination_port_be, Protocol::kTcp});
      second.open();
      second.backend(kTcpAck, 1, 1000), second.client(kTcpAck, 1, 0, 1001);
      second.backend(kTcpRst | kTcpAck, 1001 + under_way * 16);
      EXPECT_EQ(second.state(), FlowState::kReset) << under_way;
    }
}

TEST(Reset, OfAHandshakeNeedsNoNumbers) {
  Site site;
  Connection refused(site, kClients[0]);
  refused.syn();
  refused.backend(kTcpRst | kTcpAck, uint32_t(0) - Connection::kBackendOpens);
  EXPECT_EQ(refused.state(), FlowState::kReset);
  const Outcome again = refused.syn();
  EXPECT_TRUE(again.new_flow) << "a new attempt is a new flow";
}

TEST(Reset, AFlowThatGoesOnTalkingIsEstablishedAgain) {
  for (const bool by_client : {true, false}) {
    Site site;
    Connection connection(site, kClients[0]);
    connection.open();
    connection.client(kTcpRst);
    ASSERT_EQ(connection.state(), FlowState::kReset);
    connection.client(kTcpRst);
    EXPECT_EQ(connection.state(), FlowState::kReset);
    by_client ? connection.client(kTcpAck) : connection.backend(kTcpAck);
    EXPECT_EQ(connection.state(), FlowState::kEstablished) << "RFC 5961: its receiver asked back";
  }
}

TEST(Reset, AHandshakeThatGoesOnIsAHandshake) {
  Site site;
  Connection connection(site, kClients[0]);
  connection.syn();
  connection.client(kTcpRst);
  connection.syn_ack();
  EXPECT_EQ(connection.state(), FlowState::kSyn);
  connection.ack();
  EXPECT_EQ(connection.state(), FlowState::kEstablished);
}

TEST(Fin, OfBothSidesClosesAndOfOneDoesNot) {
  for (const FlowTuple& client : kClients) {
    Site site;
    Connection connection(site, client);
    connection.open();
    connection.client(kTcpFin | kTcpAck);
    connection.client(kTcpFin | kTcpAck);
    EXPECT_EQ(connection.state(), FlowState::kEstablished);
    connection.backend(kTcpAck, 1, 100, 2);
    connection.backend(kTcpFin | kTcpAck, 101, 0, 2);
    EXPECT_EQ(connection.state(), FlowState::kClosing);
    connection.client(kTcpAck, 2, 0, 102);
    EXPECT_EQ(connection.state(), FlowState::kClosing) << "the last word of the usual end";
    EXPECT_TRUE(connection.syn().new_flow) << "the client's next connection from that port";
  }
}

// A stranger's, and the half close of the one who is spoken to in earnest: the flow is not over.
TEST(Fin, OfNumbersThatDoNotFitIsNobodys) {
  for (const bool forged_client : {true, false})
    for (const uint32_t off : {kFinWindow, kFinWindow + 1, 1u << 30, 1u << 31, uint32_t(-100), uint32_t(-2)}) {
      Site site;
      Connection connection(site, kClients[0]);
      connection.open();
      connection.client(kTcpAck, 1, 5, 1), connection.backend(kTcpAck, 1, 7, 6), connection.client(kTcpAck, 6, 0, 8);
      const uint32_t next = forged_client ? 6 : 8;  // and acknowledged
      forged_client ? connection.client(kTcpFin | kTcpAck, next + off, 0, 8)
                    : connection.backend(kTcpFin | kTcpAck, next + off, 0, 6);
      forged_client ? connection.backend(kTcpFin | kTcpAck, 8, 0, 6) : connection.client(kTcpFin | kTcpAck, 6, 0, 8);
      EXPECT_EQ(connection.state(), FlowState::kEstablished) << forged_client << " " << int32_t(off);
      forged_client ? connection.client(kTcpFin | kTcpAck, 6, 0, 9) : connection.backend(kTcpFin | kTcpAck, 8, 0, 7);
      EXPECT_EQ(connection.state(), FlowState::kClosing) << "its own";
    }
}

TEST(Fin, MayHaveDataBeforeItOrComeAgain) {
  for (const FlowTuple& client : kClients)
    for (const bool by_client : {true, false})
      for (const auto& [off, payload] : std::initializer_list<std::pair<uint32_t, uint16_t>>{
               {0, 0},
               {0, 1000},
               {kFinWindow - 1, 0},
               {kFinWindow - 1001, 1000},
               {uint32_t(-1), 0},
               {uint32_t(-1001), 1000}}) {  // the last two were acknowledged
        Site site;
        Connection connection(site, client);
        connection.open();
        by_client ? connection.backend(kTcpFin | kTcpAck) : connection.client(kTcpFin | kTcpAck);
        by_client ? connection.client(kTcpFin | kTcpAck, 1 + off, payload, 2)
                  : connection.backend(kTcpFin | kTcpAck, 1 + off, payload, 2);
        EXPECT_EQ(connection.state(), FlowState::kClosing) << by_client << " " << int32_t(off) << " " << payload;
      }
}

TEST(Fin, WhoeverSendsOnDidNotFinish) {
  for (const bool client_first : {true, false}) {
    Site site;
    Connection connection(site, kClients[0]);
    connection.open();
    connection.client(kTcpFin | kTcpAck), connection.backend(kTcpFin | kTcpAck);
    ASSERT_EQ(connection.state(), FlowState::kClosing);
    client_first ? connection.client(kTcpAck, 1, 10) : connection.backend(kTcpAck, 1, 10);
    EXPECT_EQ(connection.state(), FlowState::kEstablished) << "one of the two was forged";
    client_first ? connection.client(kTcpFin | kTcpAck, 11) : connection.backend(kTcpFin | kTcpAck, 11);
    EXPECT_EQ(connection.state(), FlowState::kClosing) << "the other's was not taken back";
  }
}

TEST(Tunnel, IsEstablishedByItsClientsSecondPacket) {
  for (const uint8_t first : {kTcpSyn, kTcpAck}) {
    Site site;
    run(site, frame({kTunnel, first}));
    EXPECT_EQ(state_of(site, kTunnel), FlowState::kSyn);
    run(site, frame({kTunnel, kTcpAck}));
    EXPECT_EQ(state_of(site, kTunnel), FlowState::kEstablished);
  }
}

TEST(Tunnel, ThatWasResetOrFinishedIsEstablishedAgainByWhatTheClientSends) {
  Site site;
  for (int i = 0; i < 2; ++i) run(site, frame({kTunnel}));
  run(site, frame({kTunnel, kTcpRst}));
  EXPECT_EQ(state_of(site, kTunnel), FlowState::kReset);
  run(site, frame({kTunnel, kTcpAck, 0}));
  EXPECT_EQ(state_of(site, kTunnel), FlowState::kEstablished);
  run(site, frame({kTunnel, kTcpFin | kTcpAck, 0}));
  EXPECT_EQ(state_of(site, kTunnel), FlowState::kClosing);
  run(site, frame({kTunnel, kTcpAck, 1}));
  EXPECT_EQ(state_of(site, kTunnel), FlowState::kEstablished);
}

TEST(Tunnel, WhatEndsOrAnswersAFlowBeginsNone) {
  for (const int flags : {kTcpSyn | kTcpAck, kTcpFin | kTcpAck, int(kTcpFin), int(kTcpRst), kTcpRst | kTcpAck,
                          kTcpSyn | kTcpFin, kTcpSyn | kTcpRst, 0}) {
    Site site;
    const Outcome outcome = run(site, frame({kTunnel, uint8_t(flags)}));
    EXPECT_EQ(outcome.verdict, Verdict::kForward) << "the ring knows whom it is for: " << flags;
    EXPECT_FALSE(outcome.new_flow);
    EXPECT_EQ(site.worker.flows.size(), 0u) << flags;
    EXPECT_EQ(site.worker.cells[site.path_cells.bypassed], 0u) << flags;
  }
}

TEST(Fullnat, OnlyASynBeginsAFlow) {
  for (const int flags :
       {kTcpSyn | kTcpAck, kTcpFin | kTcpAck, int(kTcpRst), kTcpSyn | kTcpFin, kTcpSyn | kTcpRst, int(kTcpAck), 0}) {
    Site site;
    const Outcome outcome = run(site, frame({kClients[0], uint8_t(flags)}));
    EXPECT_EQ(outcome.verdict, Verdict::kDoor) << flags;
    EXPECT_EQ(name(outcome.reason), name(Reason::k_no_flow)) << flags;
    EXPECT_EQ(site.worker.flows.size(), 0u) << flags;
  }
}

TEST(Udp, IsProvenByAnAnswerThatTheClientFollowsUp) {
  Site site;
  const FlowTuple reply = answer_to(run(site, frame({kDatagrams})).frame);
  run(site, frame({kDatagrams}));
  EXPECT_EQ(state_of(site, kDatagrams), FlowState::kUdpOnce) << "nobody answered";
  run(site, frame({reply}));
  EXPECT_EQ(state_of(site, kDatagrams), FlowState::kUdpOnce) << "to whom?";
  run(site, frame({kDatagrams}));
  EXPECT_EQ(state_of(site, kDatagrams), FlowState::kUdp);
  run(site, frame({reply}));
  EXPECT_EQ(state_of(site, kDatagrams), FlowState::kUdp);
}

TEST(Udp, ThroughATunnelIsProvenByASecondDatagram) {
  Site site;
  run(site, frame({kTunnelDatagrams}));
  EXPECT_EQ(state_of(site, kTunnelDatagrams), FlowState::kUdpOnce);
  run(site, frame({kTunnelDatagrams}));
  EXPECT_EQ(state_of(site, kTunnelDatagrams), FlowState::kUdp);
}

}  // namespace
}  // namespace cardea::dataplane::test
