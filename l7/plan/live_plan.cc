#include "l7/plan/live_plan.h"

#include <algorithm>

namespace cardea::l7 {

bool ServicePlan::expects_proxy_header(const IpAddress& peer) const {
  return std::ranges::any_of(proxy_from, [&peer](const Prefix& prefix) { return prefix.contains(peer); });
}

}  // namespace cardea::l7
