#include "conf/pool_use.h"

namespace cardea::conf {

PoolUses::PoolUses(const Config& config) {
  for (const Service& service : config.services) {
    if (!service.pool.empty()) (service.mode == Mode::kL4 ? uses_[service.pool].l4 : uses_[service.pool].l7) = true;
    if (service.mode != Mode::kHttp) continue;
    for (const Route& route : service.routes) uses_[route.pool].l7 = true;
  }
}

PoolUse PoolUses::of(std::string_view pool) const {
  const auto found = uses_.find(pool);
  return found == uses_.end() ? PoolUse{} : found->second;
}

}  // namespace cardea::conf
