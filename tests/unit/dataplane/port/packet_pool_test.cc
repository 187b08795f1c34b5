#include "dataplane/port/packet_pool.h"

#include <gtest/gtest.h>
#include <rte_eal.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include <algorithm>
#include <vector>

#include "tests/packets/site.h"

namespace cardea::dataplane {
namespace {

std::vector<uintptr_t> places(rte_mempool* pool) {
  std::vector<uintptr_t> found;
  const auto note = [](rte_mempool*, void* all, void* buffer, unsigned) {
    static_cast<std::vector<uintptr_t>*>(all)->push_back(uintptr_t(buffer));
  };
  rte_mempool_obj_iter(pool, note, &found);
  std::ranges::sort(found);
  return found;
}

// The regression: of 5,000 buffers on pages of 4 KB the last 2,000 were outside of what af_xdp gives the kernel.
TEST(PacketPool, BuffersLieOneBehindTheOther) {
  test::start_eal();
  auto pool = make_packet_pool({.name = "dense", .buffers = 5000, .cache = 32, .room = 2176});
  ASSERT_TRUE(pool) << pool.error().message;
  EXPECT_TRUE(is_dense(**pool));
  const std::vector<uintptr_t> found = places(*pool);
  ASSERT_EQ(found.size(), 5000u);
  const size_t size = (*pool)->header_size + (*pool)->elt_size + (*pool)->trailer_size;
  EXPECT_EQ(found.back() - found.front(), 4999 * size);
  rte_mbuf* packet = rte_pktmbuf_alloc(*pool);
  ASSERT_NE(packet, nullptr);
  EXPECT_EQ(rte_pktmbuf_tailroom(packet), 2176 - RTE_PKTMBUF_HEADROOM);
  rte_pktmbuf_free(packet);
  rte_mempool_free(*pool);
}

// The regression: a network card on PCI read and wrote at address 0.
TEST(PacketPool, DevicesAreGivenBuffersByTheirAddress) {
  test::start_eal();
  auto pool = make_packet_pool({.name = "addressed", .buffers = 500, .cache = 0, .room = 2176});
  ASSERT_TRUE(pool) << pool.error().message;
  ASSERT_EQ(rte_eal_iova_mode(), RTE_IOVA_VA);
  std::vector<rte_mbuf*> all(500);
  ASSERT_EQ(rte_pktmbuf_alloc_bulk(*pool, all.data(), 500), 0);
  for (rte_mbuf* packet : all) EXPECT_EQ(rte_pktmbuf_iova(packet), rte_pktmbuf_mtod(packet, uintptr_t));
  EXPECT_EQ((*pool)->flags & RTE_MEMPOOL_F_NON_IO, 0u) << "drivers leave such a pool out";
  rte_pktmbuf_free_bulk(all.data(), 500);
  rte_mempool_free(*pool);
}

TEST(PacketPool, AThreadThatLosesItsCoreKeepsNobodyFromBuffers) {
  test::start_eal();
  auto pool = make_packet_pool({.name = "shared", .buffers = 500, .cache = 0, .room = 2176});
  ASSERT_TRUE(pool) << pool.error().message;
  EXPECT_STREQ(rte_mempool_get_ops((*pool)->ops_index)->name, "lf_stack") << "its users wait for nobody";
  std::vector<rte_mbuf*> all(500);
  ASSERT_EQ(rte_pktmbuf_alloc_bulk(*pool, all.data(), 500), 0) << "every buffer can be had";
  EXPECT_EQ(rte_pktmbuf_alloc(*pool), nullptr);
  rte_pktmbuf_free_bulk(all.data(), 500);
  EXPECT_EQ(rte_mempool_avail_count(*pool), 500u);
  rte_mempool_free(*pool);
}

TEST(PacketPool, MoreThanMemoryHoldsIsRefused) {
  test::start_eal();
  auto pool = make_packet_pool({.name = "large", .buffers = 50'000'000, .cache = 32, .room = 2176});
  ASSERT_FALSE(pool);
  EXPECT_NE(pool.error().message.find("50000000 packet buffers do not fit"), std::string::npos);
}

TEST(PacketPool, DpdksOwnPoolIsNotTakenForOne) {
  test::start_eal();
  rte_mempool* pool = rte_pktmbuf_pool_create("sparse", 100, 0, 0, 2176, SOCKET_ID_ANY);
  ASSERT_NE(pool, nullptr);
  EXPECT_FALSE(is_dense(*pool));
  rte_mempool_free(pool);
}

}  // namespace
}  // namespace cardea::dataplane
