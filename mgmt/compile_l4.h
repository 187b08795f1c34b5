// Config and runtime state to the images that cardea-dataplane runs (dataplane/plan.fbs): pure, nothing is read or
// sent. First every pool's standings and ring are found, then a whole plan or an update of some pools is written from
// them.
#pragma once

#include <flatbuffers/detached_buffer.h>

#include <cstdint>
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
  std::vector<Standing> backends;  // in the order of the pool's backends in the file
  std::shared_ptr<const Ring> ring;
};

using Image = flatbuffers::DetachedBuffer;
inline Bytes bytes_of(const Image& image) {
  return std::as_bytes(std::span(image.data(), image.size()));
}

HashKey hash_key(const conf::Cluster& cluster);

// Each pool's state, in the order of config.pools; an Error names the pool.
Result<std::vector<PoolState>> pool_states(const conf::Config& config, const Runtime& runtime, RingCache& cache);
Result<PoolState> pool_state(const conf::Config& config, size_t pool, const Runtime& runtime, RingCache& cache);

// `states` as pool_states() gave them for this very configuration. An Error: no `dataplane` section, or more than
// dataplane::kPlanBytesMax bytes.
Result<Image> compile_plan(const conf::Config& config, std::span<const PoolState> states, uint64_t generation);

// The pools with these indices only.
Image compile_pool_update(const conf::Config& config, std::span<const PoolState> states, std::span<const size_t> pools,
                          uint64_t generation);

}  // namespace cardea::mgmt
