// Who receives and who sends by which queue of which port.
#include "dataplane/worker_rings.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

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

}  // namespace
}  // namespace cardea::dataplane
