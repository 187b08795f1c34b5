#include "l7/policy/mirror.h"

namespace cardea::l7::policy {

Result<std::shared_ptr<const Mirror>> Mirror::read(const settings::MirrorT& from, const PoolNumbers& pools) {
  const auto pool = pools.find(from.pool);
  if (pool == pools.end()) return fail("there is no pool \"" + from.pool + "\"");
  if (from.sample > 100) return fail("a sample of more than all");
  auto to = std::make_shared<Mirror>();
  to->share = {pool->second, 1, {}};
  to->sample = from.sample;
  to->body_max = from.body_max;
  to->under_way_max = from.under_way_max;
  return to;
}

}  // namespace cardea::l7::policy
