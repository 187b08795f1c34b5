// A worker's turns over ports that are rings: what it looks at and in which order, what it gathers, what becomes of
// packets that a port does not take, and that each counts once: sent, or lost.
#include "dataplane/worker.h"

#include <gtest/gtest.h>
#include <rte_cycles.h>
#include <rte_mbuf.h>
#include <unistd.h>

#include <thread>

#include "base/clock.h"
#include "dataplane/path/explain.h"
#include "tests/packets/fragments.h"
#include "tests/unit/dataplane/workers_on_rings.h"

namespace cardea::dataplane::test {
namespace {

// Of the tunnel's service; the payload tells them apart.
Frame numbered(uint16_t number, uint16_t client = 5555) {
  return frame(
      {.tuple = tuple("198.51.100.7:" + std::to_string(client), "203.0.113.2:80"), .payload = uint16_t(number + 1)});
}
uint16_t number_of(const Frame& frame) {
  return uint16_t(frame.size() - 14 - 20 - 20 - 20 - 1);
}
std::vector<uint16_t> numbers(const std::vector<Frame>& frames) {
  std::vector<uint16_t> all;
  for (const Frame& frame : frames) all.push_back(number_of(frame));
  return all;
}
std::vector<uint16_t> up_to(uint16_t end) {
  std::vector<uint16_t> all;
  for (uint16_t i = 0; i < end; ++i) all.push_back(i);
  return all;
}
uint64_t bytes_of(const std::vector<Frame>& frames) {
  uint64_t bytes = 0;
  for (const Frame& frame : frames) bytes += frame.size();
  return bytes;
}

void expect_sent(const WorkersOnRings& site, uint32_t worker, const std::vector<Frame>& frames, uint16_t port = 0) {
  EXPECT_EQ(site.counted(worker, site.of_port(port).packets_out), frames.size());
  EXPECT_EQ(site.counted(worker, site.of_port(port).bytes_out), bytes_of(frames));
}

// A frame whose flow is the second one's of two workers.
Frame of_the_second(const WorkersOnRings& site, uint16_t number = 0) {
  for (uint16_t client = 1000; client < 1100; ++client) {
    const FlowTuple flow = tuple("198.51.100.7:" + std::to_string(client), "203.0.113.2:80");
    if (explain_owner(*site.running.plans->load(), flow, 2, {}) == 1) return numbered(number, client);
  }
  ADD_FAILURE() << "every flow is the first worker's";
  return {};
}
rte_mbuf* packet_of(const Frame& frame, uint16_t port) {
  rte_mbuf* made = packet(frame);
  made->port = port;
  return made;
}

TEST(Worker, SendsWhatCameWithItsTurn) {
  WorkersOnRings site({}, 1, {{}});
  EXPECT_FALSE(site.turn());
  for (const uint16_t i : up_to(3)) site.comes(numbered(i));
  EXPECT_TRUE(site.turn());
  const std::vector<Frame> frames = site.left();
  EXPECT_EQ(numbers(frames), up_to(3));
  expect_sent(site, 0, frames);
  EXPECT_EQ(site.counted(0, site.of_port().packets_in), 3u);
  EXPECT_FALSE(site.turn());
}

TEST(Worker, LooksAtEveryQueueOfItsPorts) {
  WorkersOnRings site({.lan = true}, 1, {{.queues = 3}, {.queues = 2}});
  site.comes(numbered(0), 0, 0), site.comes(numbered(1), 0, 1), site.comes(numbered(2), 0, 2);
  site.comes(numbered(3), 1, 0), site.comes(numbered(4), 1, 1);
  EXPECT_TRUE(site.turn());
  const std::vector<Frame> frames = site.left(1);
  EXPECT_EQ(numbers(frames), up_to(5)) << "the backends are behind the second port";
  expect_sent(site, 0, frames, 1);
  EXPECT_EQ(site.counted(0, site.of_port(0).packets_in), 3u);
  EXPECT_EQ(site.counted(0, site.of_port(1).packets_in), 2u) << "by the plan's number of the port, not by DPDK's";
}

TEST(Worker, ComparesFramesWithTheLinkAddressOfTheirPort) {
  WorkersOnRings site({}, 1, {{}});
  site.running.ports[0].mac = {2, 0, 0, 0, 0, 9};
  site.comes(numbered(0));
  EXPECT_TRUE(site.turn());
  EXPECT_TRUE(site.left().empty());
  EXPECT_EQ(site.drops(0, Reason::k_for_another_host), 1u);
}

TEST(Worker, WhatWaitedInItsOwnRingLeavesWithTheSameTurn) {
  WorkersOnRings site({}, 1, {{}});
  Frame whole = frame({.tuple = tuple("198.51.100.7:5555", "203.0.113.2:53", Protocol::kUdp), .payload = 1000});
  const std::vector<Frame> pieces = fragments_of(whole, 400, 77);
  site.comes(pieces.at(1)), site.comes(pieces.at(2));
  EXPECT_TRUE(site.turn());
  EXPECT_TRUE(site.left().empty()) << "no ports are known yet";
  site.comes(pieces.at(0));
  EXPECT_TRUE(site.turn());
  EXPECT_EQ(site.left().size(), 3u);
}

TEST(Worker, WhatThePortDoesNotTakeIsLostAndNotSent) {
  for (const bool gathers : {false, true}) {
    WorkersOnRings site({}, 1, {{.gathers = gathers, .room = 4}});
    const uint32_t before = rte_mempool_in_use_count(packet_pool());
    for (const uint16_t i : up_to(10)) site.comes(numbered(i));
    site.turn(), site.turn();
    EXPECT_EQ(rte_mempool_in_use_count(packet_pool()), before + 4);
    const std::vector<Frame> frames = site.left();
    EXPECT_EQ(numbers(frames), up_to(4)) << gathers;
    expect_sent(site, 0, frames);
    EXPECT_EQ(site.drops(0, Reason::k_tx_full), 6u);
  }
}

// ---- gathering

TEST(GatheringWorker, HoldsPacketsBackUntilATurnBringsNone) {
  WorkersOnRings site({}, 1, {{.gathers = true}});
  const uint64_t patience = rte_get_tsc_hz() / 1'000'000 * Gather::kPatienceUs;
  bool held = false;
  for (int tries = 0; tries < 10'000 && !held; ++tries) {  // a turn may take longer than packets are held
    site.comes(numbered(0));
    const uint64_t from = rte_rdtsc();
    ASSERT_TRUE(site.turn());
    const bool soon = rte_rdtsc() - from < patience;
    const size_t left = site.left().size();
    if (soon) {
      EXPECT_EQ(left, 0u);
      EXPECT_EQ(site.counted(0, site.of_port().packets_out), uint64_t(tries)) << "it has not left";
    }
    held = soon && left == 0;
    EXPECT_FALSE(site.turn());
    EXPECT_EQ(left + site.left().size(), 1u);
    EXPECT_EQ(site.counted(0, site.of_port().packets_out), uint64_t(tries + 1));
  }
  EXPECT_TRUE(held);
}

TEST(GatheringWorker, HoldsThemNoLongerThanItsPatienceHoweverBusyItIs) {
  WorkersOnRings site({}, 1, {{.gathers = true}});
  const uint64_t patience = rte_get_tsc_hz() / 1'000'000 * Gather::kPatienceUs;
  site.comes(numbered(0));
  site.turn();
  const uint64_t from = rte_rdtsc();
  while (rte_rdtsc() - from < patience) continue;
  site.comes(frame({.tuple = tuple("198.51.100.7:5555", "203.0.113.2:80"), .ttl = 1}));
  EXPECT_TRUE(site.turn());
  EXPECT_EQ(site.left().size(), 1u);
}

TEST(GatheringWorker, AFullOneIsSentAtOnceAndInOrder) {
  WorkersOnRings site({}, 1, {{.queues = 2, .gathers = true}});
  for (const uint16_t i : up_to(70)) site.comes(numbered(i), 0, i < 35 ? 0 : 1);
  site.turn();
  std::vector<Frame> frames = site.left();
  EXPECT_GE(frames.size(), size_t{Gather::kMax});
  site.turn();
  for (Frame& frame : site.left()) frames.push_back(std::move(frame));
  EXPECT_EQ(numbers(frames), up_to(70));
  expect_sent(site, 0, frames);
}

TEST(GatheringWorker, WhatIsHeldLeavesWhenItStops) {
  WorkersOnRings site({}, 1, {{.gathers = true}});
  site.comes(numbered(0));
  site.turn();
  site.running.workers[0]->stop();
  site.running.workers[0]->run();
  const std::vector<Frame> frames = site.left();
  EXPECT_EQ(frames.size(), 1u);
  expect_sent(site, 0, frames);
}

// ---- two workers, and a port of one queue, which is the first one's

TEST(TwoWorkers, WhoeverHasNoQueueSendsByTheOneWhoHas) {
  for (const bool gathers : {false, true}) {
    WorkersOnRings site({}, 2, {{.gathers = gathers}});
    const Frame theirs = of_the_second(site);
    const uint64_t before = site.counted(0, site.of_port().packets_out);
    const uint64_t handed_over = site.counted(0, site.running.path_cells.handed_over);
    site.comes(theirs);
    site.turn(0);
    EXPECT_EQ(site.counted(0, site.running.path_cells.handed_over), handed_over + 1);
    EXPECT_TRUE(site.turn(1));
    EXPECT_EQ(site.counted(1, site.of_port().packets_out), 0u) << "it has not left, and by the first one it will";
    EXPECT_TRUE(site.turn(0));
    site.turn(0);
    EXPECT_EQ(site.left().size(), 1u);
    EXPECT_EQ(site.counted(0, site.of_port().packets_out), before + 1);
    EXPECT_EQ(site.counted(1, site.of_port().packets_out), 0u);
    EXPECT_EQ(site.counted(1, site.of_port().packets_in), 0u) << "received by the first one";
  }
}

TEST(TwoWorkers, WhatThePortDoesNotTakeOfAnotherIsLostAndNotSent) {
  for (const bool gathers : {false, true}) {
    WorkersOnRings site({}, 2, {{.gathers = gathers, .room = 4}});
    const Frame theirs = of_the_second(site);
    const uint64_t before = site.counted(0, site.of_port().packets_out);
    for (int i = 0; i < 10; ++i) site.comes(theirs);
    site.turn(0), site.turn(1), site.turn(0), site.turn(0);
    EXPECT_EQ(site.left().size(), 4u);
    EXPECT_EQ(site.counted(0, site.of_port().packets_out), before + 4);
    EXPECT_EQ(site.drops(0, Reason::k_tx_full), 6u);
    EXPECT_EQ(site.counted(1, site.of_port().packets_out), 0u);
  }
}

TEST(TwoWorkers, APacketOfEachKindLeavesInTheOrderOfATurn) {
  for (const bool gathers : {false, true}) {
    WorkersOnRings site({.lan = true}, 2, {{}, {.gathers = gathers}});  // the second port is the second worker's
    WorkerRings& rings = *site.running.rings->workers[1];
    rte_mbuf *handed_over = packet_of(numbered(1), 0), *to_send = packet_of(numbered(2), 1);
    ASSERT_EQ(rings.inbox.push(&handed_over, 1), 1);
    ASSERT_EQ(rings.outbox.push(&to_send, 1), 1);
    site.comes(of_the_second(site), 1);
    site.turn(1), site.turn(1);
    const std::vector<Frame> frames = site.left(1);
    ASSERT_EQ(frames.size(), 3u);
    EXPECT_EQ(number_of(frames[0]), 0);
    EXPECT_EQ(number_of(frames[1]), 1);
    EXPECT_EQ(frames[2], numbered(2)) << "as it was given";
  }
}

TEST(TwoWorkers, WhatComesByOnesPortLeavesByTheOthers) {
  WorkersOnRings site({.lan = true}, 2, {{}, {}});
  site.comes(numbered(0, 1000));
  for (const uint32_t worker : {0, 1, 0, 1}) site.turn(worker);
  const std::vector<Frame> frames = site.left(1);
  EXPECT_EQ(numbers(frames), up_to(1));
  expect_sent(site, 1, frames, 1);
  EXPECT_TRUE(site.left(0).empty());
}

TEST(TwoWorkers, AFlowStaysWhereItsPortSpreadItTo) {
  WorkersOnRings site({}, 2, {{.queues = 2, .spreads_flows = true}});
  site.comes(of_the_second(site), 0, 0);
  site.turn(0);
  const std::vector<Frame> frames = site.left(0, 0);
  EXPECT_EQ(frames.size(), 1u);
  expect_sent(site, 0, frames);
}

// ---- the other ends

TEST(Worker, GivesToTheKernelAndRingsItsBell) {
  WorkersOnRings site({}, 1, {{}});
  site.comes(frame({tuple("198.51.100.7:5555", "203.0.113.3:80")}));
  site.running.rings->doors[0]->bell.arm();
  site.turn();
  PacketRing& ring = site.running.rings->doors[0]->of(DoorClass::kService);
  rte_mbuf* given = nullptr;
  ASSERT_EQ(ring.pop(&given, 1), 1);
  EXPECT_EQ(given->port, 0) << "whose TAP it is for";
  rte_pktmbuf_free(given);
  uint64_t rung = 0;
  EXPECT_EQ(::read(site.running.rings->doors[0]->bell.fd(), &rung, sizeof rung), ssize_t(sizeof rung));
}

TEST(Worker, GivesToControlWhatWaitsForANeighbour) {
  WorkersOnRings site({}, 1, {{}});
  HopTable unresolved = site.hops;
  ++unresolved.generation;
  for (Hop& hop : unresolved.hops) hop.state = HopState::kUnresolved;
  site.publish(unresolved);
  site.comes(numbered(0));
  site.running.rings->control_bell.arm();
  site.turn();
  std::array<WaitingPacket, 4> waiting;
  ASSERT_EQ(site.running.rings->workers[0]->waiting.pop(waiting), 1u);
  EXPECT_EQ(waiting[0].port, 0);
  EXPECT_TRUE(waiting[0].next_hop.text().starts_with("10.0.0.1"));
  rte_pktmbuf_free(waiting[0].packet);
  uint64_t rung = 0;
  EXPECT_EQ(::read(site.running.rings->control_bell.fd(), &rung, sizeof rung), ssize_t(sizeof rung));
  expect_sent(site, 0, {});
}

// What waited is given back by control to the sender's outbox: it counts for the port when it leaves.
TEST(Worker, CountsWhatOthersGaveItToSend) {
  WorkersOnRings site({}, 1, {{}});
  rte_mbuf* waited = packet_of(numbered(0), 0);
  ASSERT_EQ(site.running.rings->workers[0]->outbox.push(&waited, 1), 1);
  EXPECT_TRUE(site.turn());
  expect_sent(site, 0, site.left());
  EXPECT_EQ(site.counted(0, site.of_port().packets_out), 1u);
}

TEST(Worker, SleepsWhenNothingComesAndSeesWhatDoes) {
  WorkersOnRings site({}, 1, {{}});
  std::jthread running([&] { site.running.workers[0]->run(); });
  const auto eventually = [](auto&& holds) {
    for (const Instant end = monotonic_now() + std::chrono::seconds(20); monotonic_now() < end;)
      if (holds()) return true;
    return false;
  };
  const auto wakeups = [&] { return site.counted(0, site.running.rows.wakeups); };
  EXPECT_TRUE(eventually([&] { return wakeups() > 2; }));
  site.comes(numbered(0));
  EXPECT_TRUE(eventually([&] { return !site.left().empty(); }));
  site.running.workers[0]->stop();
  running.join();
  EXPECT_GT(site.counted(0, site.running.rows.sleeping_ns), 0u);
  EXPECT_GT(site.counted(0, site.running.rows.busy_ns), 0u);
}

}  // namespace
}  // namespace cardea::dataplane::test
