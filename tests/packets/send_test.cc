// Packets of cardea-l7's own TCP on their way out: where they leave, what keeps them, and what is none of its own.
#include <gtest/gtest.h>

#include "dataplane/wire/quote.h"
#include "tests/packets/ends.h"
#include "tests/packets/fragments.h"
#include "tests/packets/shard_peer.h"

namespace cardea::dataplane::test {
namespace {

using wire::kTcpAck, wire::kTcpSyn;

const SiteOptions kOwn{.lan = true, .shards = 2};
// As they leave: to clients behind the gateway of port 0, to backends beside port 1.
const FlowTuple kToClient = tuple("203.0.113.4:80", "198.51.100.7:5555");
const FlowTuple kToClient6 = tuple("[2001:db8::4]:80", "[2001:db8:9::7]:5555");
const FlowTuple kToBackend = tuple("10.0.0.1:61000", "10.0.0.11:8080");
const FlowTuple kToBackend6 = tuple("[fd00::1]:61001", "[fd00::11]:8080");

std::vector<std::byte> ip(const FlowTuple& t, uint16_t payload = 6) {
  return ip_of(frame({t, kTcpAck, payload}));
}

uint64_t left_by(const Site& site, size_t port) {
  return site.worker.cells[site.path_cells.ports[port].packets_out];
}

TEST(FromShards, APacketLeavesByItsDestinationsPortAndAsItIs) {
  const struct {
    FlowTuple tuple;
    uint32_t port;
    uint8_t to;  // the last byte of the link address
  } kRows[] = {{kToClient, 0, 1}, {kToClient6, 0, 1}, {kToBackend, 1, 1}, {kToBackend6, 1, 5}};
  for (const auto& row : kRows) {
    Site site(kOwn);
    Ends ends;
    ASSERT_TRUE(ShardPeer(*site.l7.newest, 1).give(ip(row.tuple)));
    ASSERT_EQ(send(site, ends).size(), 1u);
    ASSERT_EQ(ends.sent.size(), 1u);
    EXPECT_EQ(ends.sent[0].to, row.port);
    EXPECT_EQ(ip_of(ends.sent[0].frame), ip(row.tuple));
    EXPECT_EQ(uint8_t(ends.sent[0].frame[5]), row.to);
    EXPECT_EQ(load_be16(ends.sent[0].frame.data() + 12), row.tuple.source.is_v4() ? 0x0800 : 0x86dd);
    EXPECT_EQ(left_by(site, row.port), 1u);
    EXPECT_EQ(site.worker.cells[site.path_cells.shards.packets_out], 1u);
    EXPECT_EQ(site.worker.cells[site.path_cells.shards.bytes_out], ip(row.tuple).size());
    EXPECT_TRUE(send(site, ends).empty());
  }
}

TEST(FromShards, WhatAServiceAnswersIsCountedAsItsTraffic) {
  Site site(kOwn);
  Ends ends;
  ShardPeer(*site.l7.newest, 0).give(ip(kToClient));
  send(site, ends);
  const ServiceId service = site.plan->listen_table->find(kToClient.source, kToClient.source_port_be, Protocol::kTcp);
  EXPECT_EQ(site.worker.cells[(*site.plan->services)[service].cells.packets_out], 1u);
}

TEST(FromShards, UnknownNeighboursAreAskedForAndThePacketWaits) {
  Site site(kOwn);
  site.resolve(HopState::kUnresolved);
  site.route("10.0.0.99/32", {.port = 1, .state = HopState::kOnLink, .address = {}});
  for (const char* backend : {"10.0.0.11:8080", "10.0.0.99:8080"}) {
    Ends ends;
    ShardPeer(*site.l7.newest, 0).give(ip(tuple("10.0.0.1:61000", backend)));
    EXPECT_EQ(send(site, ends)[0].verdict, Verdict::kWait);
    ASSERT_EQ(ends.waiting.size(), 1u);
    EXPECT_EQ(ends.waiting[0].next, Endpoint::parse(backend)->address);
    EXPECT_EQ(ends.waiting[0].to, 1u);
    ends.wait_room = false;
    ShardPeer(*site.l7.newest, 1).give(ip(tuple("10.0.0.1:61000", backend)));
    EXPECT_EQ(send(site, ends)[0].reason, Reason::k_neighbour_queue_full);
  }
}

TEST(FromShards, WhatCannotLeaveIsDroppedForItsReason) {
  Site site(kOwn);
  Ends ends;
  ShardPeer peer(*site.l7.newest, 0);
  site.route("192.0.2.128/25", {.port = 0, .state = HopState::kFailed, .address = {}});
  peer.give(ip(tuple("203.0.113.4:80", "192.0.2.200:5555")));
  EXPECT_EQ(send(site, ends)[0].reason, Reason::k_neighbour_failed);
  peer.give(ip(kToClient, 1480));
  EXPECT_EQ(send(site, ends)[0].reason, Reason::k_too_big);
  peer.give(ip(kToClient, 20000));
  EXPECT_EQ(send(site, ends)[0].reason, Reason::k_too_big);
  ends.transmit_room = 0;
  peer.give(ip(kToClient));
  EXPECT_EQ(send(site, ends)[0].reason, Reason::k_tx_full);
  site.worker.hops = nullptr;
  peer.give(ip(kToClient));
  EXPECT_EQ(send(site, ends)[0].reason, Reason::k_no_route);
  EXPECT_TRUE(ends.sent.empty());
  EXPECT_EQ(site.drops(Reason::k_too_big), 2u);
}

TEST(FromShards, WhoSendsMoreThanAWayTakesIsToldHowMuchItTakes) {
  for (const FlowTuple& t : {kToClient, kToClient6}) {
    Site site({.mtu = 1400, .shards = 2});
    Ends ends;
    ShardPeer peer(*site.l7.newest, 1);
    const auto sent = ip(t, 1400);
    peer.give(sent);
    EXPECT_EQ(send(site, ends)[0].reason, Reason::k_too_big);
    const auto told = peer.take();
    ASSERT_TRUE(told.has_value());
    std::vector<std::byte> bytes(14);
    store_be16(bytes.data() + 12, t.source.is_v4() ? 0x0800 : 0x86dd);
    bytes.insert(bytes.end(), told->ip.begin(), told->ip.end());
    FlowTuple about;
    wire::Frame read = wire::read_frame(bytes, about);
    ASSERT_TRUE(wire::read_quote(bytes, read, about));
    EXPECT_EQ(about.destination, t.source);
    EXPECT_EQ(about.destination_port_be, t.source_port_be);
    EXPECT_EQ(about.source_port_be, t.destination_port_be);
    EXPECT_EQ(load_be16(bytes.data() + read.l4 + 6), 1400);
    EXPECT_TRUE(std::equal(sent.begin(), sent.begin() + 60, told->ip.begin() + (t.source.is_v4() ? 28 : 48)));
    peer.give(ip(t));
    EXPECT_EQ(send(site, ends)[0].verdict, Verdict::kForward);
  }
}

// Everything here is refused, and what is right behind it goes on.
TEST(FromShards, WhatIsNotTcpOfItsOwnAddressesIsRefused) {
  Site site(kOwn);
  const auto right = ip(kToClient);
  std::vector<std::vector<std::byte>> wrong = {
      {},
      {std::byte{0x45}},
      {right.begin(), right.end() - 1},
      ip(tuple("203.0.113.4:81", "198.51.100.7:5555")),
      ip(tuple("203.0.113.1:80", "198.51.100.7:5555")),
      ip(tuple("10.0.0.11:61000", "198.51.100.7:5555")),
      ip(tuple("10.0.0.1:60999", "10.0.0.11:8080")),
      ip(tuple("10.0.0.1:61256", "10.0.0.11:8080")),  // the other instance's
      ip_of(frame({tuple("203.0.113.4:80", "198.51.100.7:5555", Protocol::kUdp)})),
  };
  wrong.push_back(right), wrong.back().push_back(std::byte{});
  wrong.push_back(right), wrong.back()[0] = std::byte{0x4f};
  wrong.push_back(right), wrong.back()[9] = std::byte{1};
  for (const auto& piece : fragments_of(frame({kToClient, kTcpAck, 100}), 64, 5)) wrong.push_back(ip_of(piece));
  ShardPeer peer(*site.l7.newest, 0);
  for (const auto& one : wrong) {
    Ends ends;
    peer.give(one);
    peer.give(right);
    const auto outcomes = send(site, ends);
    ASSERT_EQ(outcomes.size(), 2u);
    EXPECT_EQ(outcomes[0].reason, Reason::k_not_a_shards) << &one - wrong.data();
    ASSERT_EQ(ends.sent.size(), 1u);
    EXPECT_EQ(ip_of(ends.sent[0].frame), right);
  }
  EXPECT_EQ(site.drops(Reason::k_not_a_shards), wrong.size());
}

TEST(FromShards, OneThatSendsMuchKeepsNoOtherWaiting) {
  Site site(kOwn);
  L7Instance& second = site.attach(2);
  ShardPeer loud(*site.l7.by_number[0], 0);
  for (int i = 0; i < 500; ++i) loud.give(ip(kToClient));
  ShardPeer(*site.l7.by_number[0], 1).give(ip(kToClient6));
  ShardPeer(second, 1).give(ip(kToBackend, 9));
  ShardPeer(second, 1).give(ip(tuple("10.0.0.1:61256", "10.0.0.11:8080")));
  Ends ends;
  send(site, ends), send(site, ends);
  uint32_t others = 0;
  for (const auto& one : ends.sent) others += ip_of(one.frame) != ip(kToClient);
  EXPECT_EQ(others, 2u);
  EXPECT_EQ(site.drops(Reason::k_not_a_shards), 1u) << "a port of the other instance's";
}

TEST(FromShards, MemoryThatMakesNoSenseIsReadNoMore) {
  Site site(kOwn);
  Ends ends;
  ShardPeer peer(*site.l7.newest, 0);
  peer.give(ip(kToClient));
  site.l7.newest->door().down(0, 0).tail.fetch_add(4);
  EXPECT_TRUE(send(site, ends).empty());
  EXPECT_TRUE(site.l7.newest->is_broken());
  EXPECT_EQ(ends.reports, 1u);
  ShardPeer(*site.l7.newest, 1).give(ip(kToClient));
  EXPECT_TRUE(send(site, ends).empty());
}

TEST(FromShards, WhoMayHaveFoundThePipeFullIsToldWhenThereIsRoom) {
  Site site({.shards = 1});
  Ends ends;
  ShardPeer peer(*site.l7.newest, 0);
  std::atomic<uint32_t>& asleep = site.l7.newest->door().shard_asleep(0);
  asleep = 1;
  peer.give(ip(kToClient));
  send(site, ends);
  EXPECT_EQ(asleep.load(), 1u);
  while (peer.give(ip(kToClient, 1400))) {
  }
  send(site, ends);
  EXPECT_EQ(asleep.load(), 0u);
}

}  // namespace
}  // namespace cardea::dataplane::test
