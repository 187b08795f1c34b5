#include "l7/proxy/blame.h"

#include "l7/policy/blamed.h"
#include "l7/proxy/connection_limits.h"
#include "l7/proxy/record.h"
#include "l7/proxy/shard.h"

namespace cardea::l7::proxy {

void blame(Shard& shard, const policy::RateLimit& limit, uint64_t key, const IpAddress& client) {
  if (!limit.refusal_table) return;
  const auto verdict = limit.refusal_table->take(key, limit.refusal_rate, shard.loop().now().time_since_epoch());
  if (verdict.allowed || verdict.unknown) return;
  const bool told = shard.shared().blamed->add(counted_address(client), limit.block_ms, limit.name);
  count(shard, told ? limit.rows.blocks : limit.rows.blocks_lost);
}

}  // namespace cardea::l7::proxy
