// A second pool that gets copies of requests (settings.Mirror): which, and how many at a time. Those under way are counted by
// that pool (plan/host_counts.h).
#pragma once

#include <cstdint>
#include <memory>

#include "base/error.h"
#include "base/policies_generated.h"
#include "l7/policy/forward_auth.h"
#include "l7/route/action.h"

namespace cardea::l7::policy {

struct Mirror {
  route::Share share;          // all of what is copied
  uint32_t sample = 100;       // percent of the requests
  uint64_t body_max = 0;       // of a body that is held for it
  uint32_t under_way_max = 0;  // of all shards

  static Result<std::shared_ptr<const Mirror>> read(const settings::MirrorT& from, const PoolNumbers& pools);
};

}  // namespace cardea::l7::policy
