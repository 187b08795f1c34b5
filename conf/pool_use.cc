#include "conf/pool_use.h"

#include <unordered_set>

namespace cardea::conf {

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
  return pools;
}

PoolUses::PoolUses(const Config& config, const std::set<const Service*>& without) {
  for (const Service& service : config.services) {
    if (without.contains(&service)) continue;
    add(service.pool, service);
    if (service.mode == Mode::kL4) continue;
    for (const Route& route : service.routes) {
      add(route.pool, service);
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
