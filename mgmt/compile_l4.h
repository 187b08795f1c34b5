// Config and pools' states to the images that cardea-dataplane runs (dataplane/plan.fbs): pure, nothing is read or
// sent. It gets the pools of l4 services; tcp and http services become addresses whose packets this host's kernel
// takes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/error.h"
#include "conf/config.h"
#include "mgmt/pool_state.h"

namespace cardea::mgmt {

std::vector<size_t> l4_pools(const conf::Config& config);  // indices of those that go into the plan

// `states` as pool_states() gave them for this very configuration. An Error: no `dataplane` section, or more than
// dataplane::kPlanBytesMax bytes.
Result<Image> compile_l4(const conf::Config& config, std::span<const PoolState> states, uint64_t generation);

// The pools with these indices only.
Image compile_l4_update(const conf::Config& config, std::span<const PoolState> states, std::span<const size_t> pools,
                        uint64_t generation);

}  // namespace cardea::mgmt
