#include "dataplane/control/packet_buffers.h"

#include <gtest/gtest.h>
#include <rte_mempool.h>

#include "tests/packets/site.h"

namespace cardea::dataplane {
namespace {

PortNeeds needs(uint32_t buffers, int socket, uint32_t frame = 1564) {
  return {.buffers = buffers, .frame = frame, .socket = socket};
}
std::vector<PoolShape> shapes(const std::vector<PortNeeds>& ports, uint32_t workers = 2) {
  auto made = pool_shapes(ports, workers);
  EXPECT_TRUE(made);
  return made.value_or(std::vector<PoolShape>{});
}

TEST(PoolShapes, OneForEachSocketThatAPortIsOn) {
  const auto two = shapes({needs(2048, 1), needs(6144, 0), needs(2048, 1)});
  ASSERT_EQ(two.size(), 2u);
  EXPECT_EQ(two[0].socket, 1);
  EXPECT_EQ(two[1].socket, 0);
  const uint32_t on_the_way = two[0].buffers - 2 * 2048;
  EXPECT_EQ(two[1].buffers, 6144 + on_the_way) << "either's packets may fill every ring";
}

TEST(PoolShapes, PortsOnNoSocketShareThePoolOfTheFirst) {
  const auto one = shapes({needs(1000, kAnySocket), needs(2000, 1)});
  ASSERT_EQ(one.size(), 1u);
  EXPECT_EQ(one[0].socket, 1);
  const auto any = shapes({needs(1000, kAnySocket), needs(2000, kAnySocket)});
  ASSERT_EQ(any.size(), 1u);
  EXPECT_EQ(any[0].socket, kAnySocket);
  EXPECT_EQ(one[0].buffers, any[0].buffers) << "the buffers are those of both";
}

TEST(PoolShapes, ABufferHoldsTheLargestFrameInWholeKilobytes) {
  EXPECT_EQ(shapes({needs(1, 0)})[0].room, 2048 + RTE_PKTMBUF_HEADROOM);
  EXPECT_EQ(shapes({needs(1, 0, 2049)})[0].room, 3072 + RTE_PKTMBUF_HEADROOM);
  EXPECT_EQ(shapes({needs(1, 0), needs(1, 1, 9664)})[0].room, 10240 + RTE_PKTMBUF_HEADROOM)
      << "packets of one port leave by the other";
  EXPECT_FALSE(pool_shapes(std::vector{needs(1, 0, 65'000)}, 1));
}

TEST(PoolShapes, MoreWorkersHaveMorePacketsOnTheWay) {
  EXPECT_GT(shapes({needs(1, 0)}, 2)[0].buffers, shapes({needs(1, 0)}, 1)[0].buffers + 2000);
}

TEST(PacketPools, APortGetsThatOfItsSocketAndWithoutMemoryThereAnothersIsTaken) {
  test::start_eal();
  const PoolShape small{.socket = 0, .buffers = 511, .room = 2176};
  PoolShape far = small;
  far.socket = 7;
  const auto pools = PacketPools::make(std::vector{small, far});
  ASSERT_TRUE(pools) << pools.error().message;
  EXPECT_FALSE(pools->one());
  EXPECT_NE(pools->on(0), pools->on(7));
  EXPECT_EQ(pools->on(0), pools->first());
  EXPECT_EQ(pools->on(kAnySocket), pools->first());
  EXPECT_EQ(pools->on(3), pools->first());
  EXPECT_EQ(pools->on(7)->size, 511u);
  rte_mempool_free(pools->on(7));
  rte_mempool_free(pools->on(0));
}

}  // namespace
}  // namespace cardea::dataplane
