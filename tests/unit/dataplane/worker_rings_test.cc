// Who receives and who sends by which queue of which port.
#include "dataplane/worker_rings.h"

#include <gtest/gtest.h>
#include <rte_ring.h>

#include <array>
#include <set>
#include <vector>

#include "tests/packets/site.h"

namespace cardea::dataplane {
namespace {

TEST(QueuesOfPorts, PortsOfOneQueueAreSpreadOverTheWorkers) {
  std::vector<int> ports(4);
  for (uint16_t port = 0; port < 8; ++port) ++ports[worker_of_queue(port, 1, 0, 4)];
  EXPECT_EQ(ports, (std::vector{2, 2, 2, 2}));
}

TEST(QueuesOfPorts, EveryQueueHasOneWorkerAndNoSendingQueueHasTwo) {
  for (uint32_t workers = 1; workers <= 9; ++workers)
    for (uint16_t queues = 1; queues <= 20; ++queues)
      for (uint16_t port = 0; port < 11; ++port) {
        std::set<uint32_t> used;
        for (uint32_t worker = 0; worker < workers; ++worker) {
          const uint32_t queue = sending_queue(port, queues, worker, workers);
          if (queue >= queues) continue;
          EXPECT_TRUE(used.insert(queue).second) << "two threads in one queue of the device";
          EXPECT_EQ(worker_of_queue(port, queues, uint16_t(queue), workers), worker) << "it sends where it receives";
        }
        EXPECT_EQ(used.size(), std::min<size_t>(queues, workers));
        for (uint16_t queue = 0; queue < queues; ++queue)
          EXPECT_LT(worker_of_queue(port, queues, queue, workers), workers);
      }
}

TEST(QueuesOfPorts, TheSenderForOthersHasAQueueOfItsOwn) {
  for (uint32_t workers = 1; workers <= 5; ++workers)
    for (uint16_t queues = 1; queues <= 6; ++queues)
      for (uint16_t port = 0; port < 7; ++port)
        EXPECT_LT(sending_queue(port, queues, sender_of(port, queues, workers), workers), queues);
}

TEST(Doors, EachBringsWhatItHasToItsOwnWorkerWhereItCanAndElseToOneThatSends) {
  EXPECT_EQ(doors_at(0, std::array<uint16_t, 1>{4}, 4), 1u);
  EXPECT_EQ(doors_at(0, std::array<uint16_t, 1>{1}, 4), 4u);
  EXPECT_EQ(doors_at(1, std::array<uint16_t, 1>{1}, 4), 0u);
  EXPECT_EQ(doors_at(0, std::array<uint16_t, 2>{2, 4}, 4), 3u) << "its own, and the two that have no queue of the first port";
  EXPECT_EQ(doors_at(1, std::array<uint16_t, 2>{2, 4}, 4), 1u);
  EXPECT_EQ(doors_at(0, std::array<uint16_t, 2>{1, 1}, 2), 2u);
  for (uint32_t workers = 1; workers <= 5; ++workers)
    for (uint16_t queues = 1; queues <= 6; ++queues)
      for (uint16_t port = 0; port < 7; ++port)
        for (uint32_t door = 0; door < workers; ++door) {
          const uint32_t sender = sender_for_door(port, queues, door, workers);
          EXPECT_LT(sending_queue(port, queues, sender, workers), queues);
        }
}

// What the scheduler can do to a thread in the middle of a push cannot be had at will; that nobody waits for it is what
// the ring was made for.
TEST(Rings, AProducerThatLosesItsCoreKeepsNobodyElseFromPushing) {
  test::start_eal();
  const auto rings = Rings::create(1, "preempted").value();
  for (const char* name :
       {"preempteddoor0.0", "preempteddoor0.1", "preempteddoor0.2", "preemptedinbox0", "preemptedoutbox0"}) {
    const rte_ring* ring = rte_ring_lookup(name);
    ASSERT_NE(ring, nullptr) << name;
    EXPECT_EQ(rte_ring_get_prod_sync_type(ring), RTE_RING_SYNC_MT_RTS) << name;
    EXPECT_EQ(rte_ring_get_prod_htd_max(ring), rte_ring_get_capacity(ring)) << name;
  }
}

}  // namespace
}  // namespace cardea::dataplane
