// What account says of a burst: packets, bytes and flows by backend and by service and direction, by port, by reason;
// and that what goes away leaves its gauges.
#include <gtest/gtest.h>

#include "tests/packets/connection.h"

namespace cardea::dataplane::test {
namespace {

using wire::kTcpAck, wire::kTcpSyn;

const FlowTuple kNat = tuple("198.51.100.7:5555", "203.0.113.1:80");
const FlowTuple kTunnel = tuple("198.51.100.7:5555", "203.0.113.2:80");

struct Counted {
  uint64_t packets_in = 0, bytes_in = 0, packets_out = 0, bytes_out = 0, flows_total = 0, flows = 0;
  bool operator==(const Counted&) const = default;
};
Counted at(const Site& site, const TrafficCells& cells) {
  const uint64_t* c = site.worker.cells;
  return {c[cells.packets_in], c[cells.bytes_in],    c[cells.packets_out],
          c[cells.bytes_out],  c[cells.flows_total], c[cells.flows]};
}
Counted of_slot(const Site& site, SlotId slot) {
  return at(site, site.plan->slots[slot].cells);
}
Counted of_service(const Site& site, const FlowTuple& t) {
  const ServiceId id = site.plan->listen_table->find(t.destination, t.destination_port_be, t.protocol);
  return at(site, (*site.plan->services)[id].cells);
}
Counted of_all_slots(const Site& site) {
  Counted sum;
  for (const LiveSlot& slot : site.plan->slots) {
    const Counted one = at(site, slot.cells);
    sum = {sum.packets_in + one.packets_in, sum.bytes_in + one.bytes_in,       sum.packets_out + one.packets_out,
           sum.bytes_out + one.bytes_out,   sum.flows_total + one.flows_total, sum.flows + one.flows};
  }
  return sum;
}

TEST(Counting, AConnectionBothWays) {
  Site site;
  Connection connection(site, kNat);
  const SlotId slot = connection.syn().slot;
  connection.syn_ack(), connection.ack();
  connection.client(kTcpAck, 1, 100), connection.backend(kTcpAck, 1, 1000, 101);
  const Counted expected{.packets_in = 3,
                         .bytes_in = 60 + 54 + 154,
                         .packets_out = 2,
                         .bytes_out = 54 + 1054,
                         .flows_total = 1,
                         .flows = 1};
  EXPECT_EQ(of_slot(site, slot), expected);
  EXPECT_EQ(of_service(site, kNat), expected);
  EXPECT_EQ(of_all_slots(site), expected) << "no other backend's";
  EXPECT_EQ(site.worker.cells[site.path_cells.flows], 1u);
}

TEST(Counting, EveryPacketOfABurstOfManyKindsOnce) {
  Site site;
  Connection first(site, kNat), second(site, tuple("198.51.100.8:5555", "203.0.113.1:80"));
  first.open(), second.open();
  const Counted before = of_service(site, kNat);
  Ends ends;
  std::vector<std::vector<std::byte>> frames;
  for (int i = 0; i < 10; ++i) {
    frames.push_back(first.client_frame(kTcpAck, 1, 10));
    if (i % 2) frames.push_back(first.backend_frame(kTcpAck, 1, 20));
    if (i % 3) frames.push_back(second.client_frame(kTcpAck, 1, 30));
    frames.push_back(frame({.tuple = kTunnel, .ttl = uint8_t(i % 5 == 0 ? 1 : 64)}));
  }
  run(site, ends, frames);
  const Counted nat = of_service(site, kNat);
  EXPECT_EQ(nat.packets_in - before.packets_in, 16u);
  EXPECT_EQ(nat.bytes_in - before.bytes_in, 10 * 64u + 6 * 84u);
  EXPECT_EQ(nat.packets_out - before.packets_out, 5u);
  EXPECT_EQ(nat.bytes_out - before.bytes_out, 5 * 74u);
  EXPECT_EQ(nat.flows_total, 2u);
  EXPECT_EQ(of_service(site, kTunnel), (Counted{.packets_in = 8, .bytes_in = 8 * 60, .flows_total = 1, .flows = 1}));
  EXPECT_EQ(site.drops(Reason::k_ttl_expired), 2u);
}

TEST(Counting, PortsSeeFramesAsTheyComeAndAsTheyLeave) {
  Site site({.lan = true});
  run(site, frame({kTunnel}));
  const auto& ports = site.path_cells.ports;
  EXPECT_EQ(site.worker.cells[ports[0].packets_in], 1u);
  EXPECT_EQ(site.worker.cells[ports[0].bytes_in], 60u);
  EXPECT_EQ(site.worker.cells[ports[0].packets_out], 0u);
  EXPECT_EQ(site.worker.cells[ports[1].packets_in], 0u);
  EXPECT_EQ(site.worker.cells[ports[1].packets_out], 1u);
  EXPECT_EQ(site.worker.cells[ports[1].bytes_out], 80u) << "with its outer header";
}

TEST(Counting, WhatWaitsCountsForItsServiceAndNotForThePort) {
  Site site;
  site.resolve(HopState::kUnresolved);
  run(site, frame({kTunnel}));
  EXPECT_EQ(of_service(site, kTunnel).packets_in, 1u);
  EXPECT_EQ(site.worker.cells[site.path_cells.ports[0].bytes_out], 0u);
}

TEST(Counting, AnErrorToTheSenderIsADropAndAPacketOfThePort) {
  Site site;
  const Outcome outcome = run(site, frame({kTunnel, kTcpAck, 1460}));
  ASSERT_EQ(outcome.verdict, Verdict::kToSender);
  EXPECT_EQ(site.drops(Reason::k_too_big), 1u);
  EXPECT_EQ(site.worker.cells[site.path_cells.ports[0].packets_out], 1u);
  EXPECT_EQ(site.worker.cells[site.path_cells.ports[0].bytes_out], outcome.frame.size());
  EXPECT_EQ(of_service(site, kTunnel).packets_in, 0u);
}

TEST(Gauges, FollowAFlowThatChoosesAgain) {
  Site site;
  const SlotId slot = run(site, frame({kTunnel, kTcpSyn})).slot;
  run(site, frame({kTunnel, wire::kTcpFin | kTcpAck}));
  EXPECT_EQ(of_slot(site, slot).flows, 1u) << "it is there until it ends";
  run(site, frame({kTunnel, kTcpSyn}));
  EXPECT_EQ(of_slot(site, slot).flows, 1u);
  EXPECT_EQ(of_slot(site, slot).flows_total, 2u);
  EXPECT_EQ(of_service(site, kTunnel).flows, 1u);
}

// Sums of the gauges and totals after a first packet that began a flow and went no further.
void expect_a_flow_counted_once(const Site& site, const FlowTuple& t) {
  EXPECT_EQ(site.worker.flows.size(), 1u);
  for (const Counted& counted : {of_service(site, t), of_all_slots(site)}) {
    EXPECT_EQ(counted.flows, 1u);
    EXPECT_EQ(counted.flows_total, 1u) << "no gauge without its total";
    EXPECT_EQ(counted.packets_in, 0u);
  }
}

TEST(Gauges, HaveATotalForAFlowWhoseFirstPacketWasDropped) {
  for (const FlowTuple& t : {kNat, kTunnel}) {
    Site without_neighbour;
    without_neighbour.resolve(HopState::kFailed);
    ASSERT_EQ(run(without_neighbour, frame({t, kTcpSyn})).reason, Reason::k_neighbour_failed);
    expect_a_flow_counted_once(without_neighbour, t);

    Site crowded;
    crowded.resolve(HopState::kUnresolved);
    Ends ends;
    ends.wait_room = false;
    ASSERT_EQ(run(crowded, ends, {frame({t, kTcpSyn})})[0].reason, Reason::k_neighbour_queue_full);
    expect_a_flow_counted_once(crowded, t);

    Site full;
    Ends none;
    none.transmit_room = 0;
    ASSERT_EQ(run(full, none, {frame({t, kTcpSyn})})[0].reason, Reason::k_tx_full);
    expect_a_flow_counted_once(full, t);
  }
}

TEST(Gauges, CountNoFlowThatWasRefused) {
  Site site({.backends = 1, .nat_port_first = 4000, .nat_port_last = 4000});
  Connection holder(site, kNat);
  holder.open();
  run(site, frame({tuple("198.51.100.8:5555", "203.0.113.1:80"), kTcpSyn}));
  EXPECT_EQ(of_service(site, kNat).flows, 1u);
  EXPECT_EQ(of_service(site, kNat).flows_total, 1u);
  EXPECT_EQ(of_service(site, kNat).packets_in, 2u);
}

}  // namespace
}  // namespace cardea::dataplane::test
