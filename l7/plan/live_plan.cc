#include "l7/plan/live_plan.h"

#include <algorithm>

namespace cardea::l7 {

bool ServicePlan::expects_proxy_header(const IpAddress& peer) const {
  return std::ranges::any_of(proxy_from, [&peer](const Prefix& prefix) { return prefix.contains(peer); });
}

bool LivePlan::needs_door() const {
  return settings.userspace || std::ranges::any_of(services, [](const auto& service) { return service->userspace; });
}

// Connections to backends are fewer than those of clients: they are pooled.
uint64_t LivePlan::connections_at_door() const {
  uint64_t sum = 0;
  for (const auto& service : services)
    sum += (service->userspace ? service->connections_max : 0) + (settings.userspace ? service->connections_max / 4 : 0);
  return sum;
}

}  // namespace cardea::l7
