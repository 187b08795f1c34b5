// A configuration on its way into force, with the state of its pools: what plans and updates are compiled from.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "conf/config.h"
#include "mgmt/pool_state.h"

namespace cardea::mgmt {

struct Candidate {
  std::shared_ptr<const conf::Config> config;  // none: there is no usable configuration yet
  std::vector<PoolState> states;               // in the order of config->pools
  uint64_t generation = 0;

  explicit operator bool() const { return config != nullptr; }
};

}  // namespace cardea::mgmt
