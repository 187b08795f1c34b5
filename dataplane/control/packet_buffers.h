// The packet buffers of a process: how many there have to be, how large, and on which socket. Every socket that a port
// is on has a pool, from which its ports receive; packets of any pool may then be in every ring, so each pool is large
// enough to fill them all.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/error.h"
#include "dataplane/port/port.h"

struct rte_mempool;

namespace cardea::dataplane {

struct PoolShape {
  int socket = kAnySocket;
  uint32_t buffers = 0;
  uint16_t room = 0;  // bytes of a buffer, headroom included
  uint64_t bytes() const;
};

// Ports whose socket is not known share the first pool.
Result<std::vector<PoolShape>> pool_shapes(std::span<const PortNeeds> ports, uint32_t workers);

class PacketPools {
 public:
  // A socket without memory for it gets its pool from another one, with a warning. The pools stay until DPDK ends.
  static Result<PacketPools> make(std::span<const PoolShape> shapes);

  rte_mempool* on(int socket) const;
  rte_mempool* first() const { return pools_[0].pool; }
  bool one() const { return pools_.size() == 1; }

 private:
  struct OfSocket {
    int socket = kAnySocket;
    rte_mempool* pool = nullptr;
  };
  std::vector<OfSocket> pools_;
};

}  // namespace cardea::dataplane
