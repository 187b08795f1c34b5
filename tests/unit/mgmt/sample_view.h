// A site as the API and the metrics page are shown it, without one: a configuration in force, as generation 7.
#pragma once

#include <memory>
#include <utility>

#include "mgmt/site.h"
#include "tests/unit/mgmt/sample_config.h"

namespace cardea::mgmt::test {

inline View view_of(conf::Config config, const Runtime& runtime = {}) {
  RingCache rings;
  auto states = pool_states(config, runtime, rings).value();
  View view;
  view.in_force = {std::make_shared<const conf::Config>(std::move(config)), std::move(states), 7};
  view.runtime = runtime;
  return view;
}

}  // namespace cardea::mgmt::test
