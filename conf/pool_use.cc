#include "conf/pool_use.h"

#include <unordered_set>

namespace cardea::conf {

namespace {

std::string_view asked_pool(const settings::PoliciesT& policies) {
  return policies.forward_auth && policies.forward_auth->enabled ? std::string_view(policies.forward_auth->pool) : "";
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
    add(asked_pool(service.policies));
    for (const Route& route : service.routes) add(asked_pool(route.policies));
  }
  return pools;
}

PoolUses::PoolUses(const Config& config, const std::set<const Service*>& without) {
  for (const Service& service : config.services) {
    if (without.contains(&service)) continue;
    add(service.pool, service);
    if (service.mode == Mode::kL4) continue;
    if (service.mode == Mode::kHttp) add(asked_pool(service.policies), service);
    for (const Route& route : service.routes) {
      add(route.pool, service);
      if (service.mode == Mode::kHttp) add(asked_pool(route.policies), service);
      for (const Share& share : route.split) add(share.pool, service);
    }
  }
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
