// A pool of packet buffers, for all ports of a socket, all cores and rings. Its buffers lie one behind the other
// without a gap: the af_xdp driver tells the kernel one area of buffers × size, and the kernel silently ignores what
// lies outside of it. DPDK's own way of making a pool leaves a gap wherever a buffer would cross a page, so the last
// ones (every 800th with pages of 2 MB, half of all with 4 KB) stopped a queue as soon as they came up.
#pragma once

#include <cstdint>

#include "base/error.h"
#include "dataplane/port/numa.h"

struct rte_mempool;

namespace cardea::dataplane {

struct PoolRequest {
  const char* name = "packets";
  uint32_t buffers = 0, cache = 0;  // cache: buffers that a core keeps at hand
  uint16_t room = 0;                // bytes of a buffer, headroom included
  int socket = kAnySocket;          // whose memory
};

// It stays until DPDK ends.
Result<rte_mempool*> make_packet_pool(const PoolRequest& request);
// Whether the kernel can be given it as one area. Not when DPDK uses physical addresses (`--iova-mode=pa`): devices
// then need buffers that cross no page.
bool is_dense(const rte_mempool& pool);

}  // namespace cardea::dataplane
