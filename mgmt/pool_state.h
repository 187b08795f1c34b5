// What each pool's backends are worth now, and the ring that follows from it: found once, then written into the plan of
// every process that has the pool. Pure.
#pragma once

#include <flatbuffers/detached_buffer.h>

#include <memory>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/flow_hash.h"
#include "conf/config.h"
#include "mgmt/ring_cache.h"
#include "mgmt/runtime.h"

namespace cardea::mgmt {

struct PoolState {
  std::vector<Standing> backends;    // in the order of the pool's backends in the file
  std::shared_ptr<const Ring> ring;  // none: the pool is not balanced by one
  bool panic = false;                // less than pools[].panic_below of it is up

  size_t backends_up() const;
  double share_of(size_t backend) const;  // of the pool's new work, 0 to 1
};

using Image = flatbuffers::DetachedBuffer;
inline Bytes bytes_of(const Image& image) {
  return std::as_bytes(std::span(image.data(), image.size()));
}

HashKey hash_key(const conf::Cluster& cluster);

// Each pool's state, in the order of config.pools; an Error names the pool.
Result<std::vector<PoolState>> pool_states(const conf::Config& config, const Runtime& runtime, RingCache& cache);
// Of the pools with these indices, in their order.
Result<std::vector<PoolState>> pool_states(const conf::Config& config, std::span<const size_t> pools,
                                           const Runtime& runtime, RingCache& cache);
Result<PoolState> pool_state(const conf::Config& config, size_t pool, const Runtime& runtime, RingCache& cache);

}  // namespace cardea::mgmt
