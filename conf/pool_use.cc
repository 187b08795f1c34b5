#include "conf/pool_use.h"

#include <array>
#include <unordered_set>

namespace cardea::conf {

namespace {

// Beside the one that serves: empty where there is none.
std::array<std::string_view, 2> further_pools(const settings::PoliciesT& policies) {
  const auto pool = [](const auto& policy) { return policy && policy->enabled ? std::string_view(policy->pool) : ""; };
  return {pool(policies.forward_auth), pool(policies.mirror)};
}

}  // namespace

std::vector<std::string_view> pools_of(const Service& service) {
  std::vector<std::string_view> pools;
  std::unordered_set<std::string_view> seen;
  const auto add = [&](std::string_view pool) {
    if (!pool.empty() && seen.insert(pool).second) pools.push_back(pool);
  };
  if (service.mode != Mode::kL4)
    for (const Route& route : service.routes) {
      add(route.pool);
      for (const Share& share : route.split) add(share.pool);
    }
  add(service.pool);
  if (service.mode == Mode::kHttp) {
    for (const std::string_view pool : further_pools(service.policies)) add(pool);
    for (const Route& route : service.routes)
      for (const std::string_view pool : further_pools(route.policies)) add(pool);
  }
  return pools;
}

PoolUses::PoolUses(const Config& config, const std::set<const Service*>& without) {
  for (const Service& service : config.services) {
    if (without.contains(&service)) continue;
    add(service.pool, service);
    if (service.mode == Mode::kL4) continue;
    if (service.mode == Mode::kHttp) add_further(service.policies, service);
    for (const Route& route : service.routes) {
      add(route.pool, service);
      if (service.mode == Mode::kHttp) add_further(route.policies, service);
      for (const Share& share : route.split) add(share.pool, service);
    }
  }
}

void PoolUses::add_further(const settings::PoliciesT& policies, const Service& service) {
  for (const std::string_view pool : further_pools(policies)) add(pool, service);
}

void PoolUses::add(std::string_view pool, const Service& service) {
  if (pool.empty()) return;
  PoolUse& use = uses_[pool];
  (service.mode == Mode::kL4 ? use.l4 : use.l7) = true;
  if (use.services.empty() || use.services.back() != service.name) use.services.push_back(service.name);
}

const PoolUse& PoolUses::of(std::string_view pool) const {
  static const PoolUse unused;
  const auto found = uses_.find(pool);
  return found == uses_.end() ? unused : found->second;
}

}  // namespace cardea::conf
