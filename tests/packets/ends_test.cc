// Who gets a packet: the port, the kernel, another worker, or the queue for a next hop; and what becomes of those that
// an end does not take. Every run checks that no packet is lost or freed twice.
#include "tests/packets/ends.h"

#include <gtest/gtest.h>

#include <map>

namespace cardea::dataplane::test {
namespace {

FlowTuple client(uint16_t port, const char* service = "203.0.113.2:80") {
  FlowTuple t = tuple("198.51.100.7:1", service);
  t.source_port_be = __builtin_bswap16(port);
  return t;
}
std::vector<std::vector<std::byte>> clients(uint16_t count) {
  std::vector<std::vector<std::byte>> frames;
  for (uint16_t i = 0; i < count; ++i) frames.push_back(frame({client(uint16_t(1000 + i))}));
  return frames;
}

TEST(Ends, AMixedBurstIsTakenApart) {
  Site site;
  Ends ends;
  std::vector<std::vector<std::byte>> frames = clients(4);
  frames.insert(frames.begin() + 1, frame({client(1, "203.0.113.2:81")}));
  frames.insert(frames.begin() + 3, frame({.tuple = client(2), .ttl = 1}));
  const auto outcomes = run(site, ends, frames);
  EXPECT_EQ(ends.sent.size(), 4u);
  ASSERT_EQ(ends.kernel.size(), 1u);
  EXPECT_EQ(ends.kernel[0].frame, frames[1]) << "the kernel gets it as it came";
  EXPECT_EQ(outcomes[3].reason, Reason::k_ttl_expired);
  EXPECT_EQ(site.worker.cells[site.path_cells.to_kernel], 1u);
  EXPECT_EQ(site.drops(Reason::k_ttl_expired), 1u);
  EXPECT_EQ(site.worker.cells[site.path_cells.ports[0].packets_in], 6u);
  EXPECT_EQ(site.worker.cells[site.path_cells.ports[0].packets_out], 4u);
}

TEST(Ends, ALocalServicesPacketsAreTheKernelsAndCountedForIt) {
  Site site;
  Ends ends;
  const auto one = frame({client(1, "203.0.113.3:80")}), other = frame({client(2, "203.0.113.3:80")});
  run(site, ends, {one, frame({client(3)}), other});
  ASSERT_EQ(ends.kernel.size(), 2u);
  EXPECT_EQ(ends.kernel[1].frame, other) << "as it came";
  const ServiceId id =
      site.plan->listen_table->find(client(1, "203.0.113.3:80").destination, __builtin_bswap16(80), Protocol::kTcp);
  const TrafficCells& cells = (*site.plan->services)[id].cells;
  EXPECT_EQ(site.worker.cells[cells.packets_in], 2u);
  EXPECT_EQ(site.worker.cells[cells.bytes_in], one.size() + other.size());
  EXPECT_EQ(site.worker.flows.size(), 1u) << "the tunnel's";
}

TEST(Ends, WhatThePortDoesNotTakeIsDroppedAndNotCountedAsForwarded) {
  Site site;
  Ends ends;
  ends.transmit_room = 3;
  run(site, ends, clients(10));
  EXPECT_EQ(ends.sent.size(), 3u);
  EXPECT_EQ(site.drops(Reason::k_tx_full), 7u);
  uint64_t in = 0;
  for (const LiveSlot& slot : site.plan->slots) in += site.worker.cells[slot.cells.packets_in];
  EXPECT_EQ(in, 3u);
  EXPECT_EQ(site.worker.cells[site.path_cells.ports[0].packets_out], 3u);
}

TEST(Ends, TheSameInABurstThatDoesNotLeaveWhole) {
  Site site;
  Ends ends;
  ends.transmit_room = 3, ends.door_room = 1;
  auto frames = clients(10);
  frames.push_back(frame({client(1, "203.0.113.2:81")}));
  frames.push_back(frames.back());
  run(site, ends, frames);
  EXPECT_EQ(ends.sent.size(), 3u);
  EXPECT_EQ(site.drops(Reason::k_tx_full), 7u);
  EXPECT_EQ(site.drops(Reason::k_door_rest_full), 1u);
}

TEST(HandOver, FlowsGoToTheirOwnerByHash) {
  Site site;
  site.worker.workers = 4, site.worker.index = 1;
  Ends ends;
  const auto frames = clients(64);
  const auto outcomes = run(site, ends, frames, {.spread = true});
  std::map<uint32_t, int> seen;
  for (const auto& given : ends.handed_over) {
    FlowTuple t;
    wire::read_frame(given.frame, t);
    EXPECT_EQ(given.to, owner_of(flow_hash(site.plan->hash_key, t), 4));
    EXPECT_NE(given.to, 1u);
    ++seen[given.to];
  }
  EXPECT_EQ(seen.size(), 3u);
  EXPECT_EQ(ends.handed_over.size() + ends.sent.size(), 64u);
  EXPECT_EQ(site.worker.cells[site.path_cells.handed_over], ends.handed_over.size());
  EXPECT_EQ(site.worker.flows.size(), ends.sent.size()) << "no flow is made for another worker";
  for (const Outcome& o : outcomes) EXPECT_TRUE(o.verdict == Verdict::kForward || o.verdict == Verdict::kHandOver);
}

TEST(HandOver, IsTheEndOfPassingOn) {
  Site site;
  site.worker.workers = 4, site.worker.index = 1;
  Ends ends;
  run(site, ends, clients(64), {.spread = true, .handed_over = true});
  EXPECT_EQ(ends.sent.size(), 64u) << "whoever was given a packet keeps it";
  EXPECT_EQ(site.worker.cells[site.path_cells.ports[0].packets_in], 0u) << "the worker that received them counted them";
}

TEST(HandOver, RepliesGoToTheOwnerOfTheirPort) {
  Site site;
  site.worker.workers = 3, site.worker.index = 0;
  Ends ends;
  std::vector<std::vector<std::byte>> frames;
  for (uint16_t i = 0; i < 6; ++i) {
    FlowTuple t = tuple("10.0.0.11:8080", "10.0.0.1:2000");
    t.destination_port_be = __builtin_bswap16(uint16_t(1024 + i));
    frames.push_back(frame({t}));
  }
  run(site, ends, frames);
  ASSERT_EQ(ends.handed_over.size(), 4u);
  EXPECT_EQ(ends.kernel.size(), 2u) << "its own, of no flow";
  for (const auto& given : ends.handed_over) {
    FlowTuple t;
    wire::read_frame(given.frame, t);
    EXPECT_EQ(given.to, uint32_t(__builtin_bswap16(t.destination_port_be) - 1024) % 3);
  }
}

TEST(HandOver, AFullRingIsADrop) {
  Site site;
  site.worker.workers = 2, site.worker.index = 0;
  Ends ends;
  ends.hand_over_room = 0;
  run(site, ends, clients(64), {.spread = true});
  EXPECT_EQ(site.drops(Reason::k_hand_over_full), 64 - ends.sent.size());
}

TEST(Waiting, PacketsWaitForTheirNextHop) {
  Site site;
  site.resolve(HopState::kUnresolved);
  Ends ends;
  const auto outcomes = run(site, ends, clients(5));
  ASSERT_EQ(ends.waiting.size(), 5u);
  EXPECT_TRUE(ends.sent.empty());
  for (size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(ends.waiting[i].next, site.plan->slots[outcomes[i].slot].address);
    FlowTuple outer;
    EXPECT_EQ(wire::read_frame(ends.waiting[i].frame, outer).protocol, 4) << "ready to leave";
  }
  EXPECT_EQ(site.worker.cells[site.path_cells.ports[0].packets_out], 0u) << "not yet";
}

TEST(Waiting, OnAConnectedNetworkTheBackendItselfIsAskedFor) {
  Site site;
  site.resolve(HopState::kOnLink);
  for (size_t i = 1; i < site.hops.hops.size(); ++i) site.hops.hops[i].address = {};
  Ends ends;
  const auto outcomes = run(site, ends, clients(1));
  ASSERT_EQ(ends.waiting.size(), 1u);
  EXPECT_EQ(ends.waiting[0].next, site.plan->slots[outcomes[0].slot].address);
}

TEST(Waiting, AFullQueueIsADrop) {
  Site site;
  site.resolve(HopState::kUnresolved);
  Ends ends;
  ends.wait_room = false;
  run(site, ends, clients(5));
  EXPECT_EQ(site.drops(Reason::k_neighbour_queue_full), 5u);
}

TEST(Waiting, WithoutARouteNothingWaits) {
  Site site;
  site.hops = {};
  Ends ends;
  run(site, ends, clients(5));
  EXPECT_EQ(site.drops(Reason::k_no_route), 5u);
  site.worker.hops = nullptr;
  EXPECT_EQ(run(site, ends, clients(5))[0].reason, Reason::k_no_route) << "the kernel has not told of any yet";
}

}  // namespace
}  // namespace cardea::dataplane::test
