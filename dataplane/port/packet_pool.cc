// rte_pktmbuf_pool_create with a flag that it does not offer.
#include "dataplane/port/packet_pool.h"

#include <fmt/format.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mbuf_pool_ops.h>
#include <rte_mempool.h>

namespace cardea::dataplane {
namespace {

std::unexpected<Error> refuse(const PoolRequest& request, int number) {
  return fail(
      fmt::format("{} packet buffers do not fit in memory: {}", request.buffers, rte_strerror(std::abs(number))));
}

void give_address(rte_mempool*, void*, void* buffer, unsigned) {
  rte_mempool_get_header(buffer)->iova = uintptr_t(buffer);
}

// Of buffers that may cross a page DPDK takes the addresses for devices away, and calls the pool none of packets: it
// does not know that with virtual addresses for devices they are whole all the same.
void give_addresses(rte_mempool* pool) {
  rte_mempool_obj_iter(pool, give_address, nullptr);
  rte_mempool_memhdr* piece;
  STAILQ_FOREACH(piece, &pool->mem_list, next) {
    piece->iova = uintptr_t(piece->addr);
  }
  pool->flags &= ~unsigned(RTE_MEMPOOL_F_NON_IO);
}

int fill(rte_mempool* pool, const PoolRequest& request) {
  // A stack without locks: the door and control take and give buffers as well, and where they lose the core in the
  // middle of it, a ring's other users would wait for them. Where the processor has none, the ring.
  if (rte_mempool_set_ops_byname(pool, "lf_stack", nullptr) != 0)
    if (const int number = rte_mempool_set_ops_byname(pool, rte_mbuf_best_mempool_ops(), nullptr); number != 0)
      return number;
  rte_pktmbuf_pool_private shape{.mbuf_data_room_size = request.room, .mbuf_priv_size = 0, .flags = 0};
  rte_pktmbuf_pool_init(pool, &shape);
  if (const int number = rte_mempool_populate_default(pool); number < 0) return number;
  if ((pool->flags & RTE_MEMPOOL_F_NO_IOVA_CONTIG) != 0) give_addresses(pool);
  rte_mempool_obj_iter(pool, rte_pktmbuf_init, nullptr);
  return 0;
}

}  // namespace

Result<rte_mempool*> make_packet_pool(const PoolRequest& request) {
  // With virtual addresses for devices too, a buffer that crosses a page is one piece to everybody.
  const unsigned flags = rte_eal_iova_mode() == RTE_IOVA_VA ? RTE_MEMPOOL_F_NO_IOVA_CONTIG : 0;
  rte_mempool* pool = rte_mempool_create_empty(request.name, request.buffers, uint32_t(sizeof(rte_mbuf)) + request.room,
                                               request.cache, sizeof(rte_pktmbuf_pool_private), request.socket, flags);
  if (pool == nullptr) return refuse(request, rte_errno);
  if (const int number = fill(pool, request); number != 0) {
    rte_mempool_free(pool);
    return refuse(request, number);
  }
  return pool;
}

bool is_dense(const rte_mempool& pool) {
  return (pool.flags & RTE_MEMPOOL_F_NO_IOVA_CONTIG) != 0 && pool.nb_mem_chunks == 1;
}

}  // namespace cardea::dataplane
