// Config and pools' states to the images that cardea-l7 runs (l7/plan.fbs): pure, nothing is read or sent, certificates
// stay paths. It gets tcp and http services and their pools; rings are the ones the dataplane gets, byte for byte.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/error.h"
#include "conf/config.h"
#include "mgmt/pool_state.h"

namespace cardea::mgmt {

std::vector<size_t> l7_pools(const conf::Config& config);  // indices of those that go into the plan

// `states` as pool_states() gave them for this very configuration. An Error: no `l7` section, or more than
// l7::kPlanBytesMax bytes.
Result<Image> compile_l7(const conf::Config& config, std::span<const PoolState> states, uint64_t generation);

// The pools with these indices only.
Image compile_l7_update(const conf::Config& config, std::span<const PoolState> states, std::span<const size_t> pools,
                        uint64_t generation);

}  // namespace cardea::mgmt
