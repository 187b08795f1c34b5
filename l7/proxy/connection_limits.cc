#include "l7/proxy/connection_limits.h"

#include <algorithm>

#include "base/client_network.h"
#include "l7/policy/rate_limit.h"
#include "l7/proxy/blame.h"
#include "l7/proxy/endpoint_text.h"
#include "l7/proxy/limit_key.h"
#include "l7/proxy/live_service.h"
#include "l7/proxy/record.h"
#include "l7/proxy/shard.h"

namespace cardea::l7::proxy {
namespace {

using policy::RateLimit;

// False: it is refused.
bool take(Shard& shard, const RateLimit& limit, uint64_t key, const IpAddress& client, bool connected) {
  const auto now = shard.loop().now().time_since_epoch();
  const auto verdict = limit.connection_table->take(key, limit.connection_rate, now);
  if (verdict.unknown) count(shard, limit.rows.unknown);
  if (verdict.allowed) return true;
  count(shard, limit.rows.connections);
  if (connected && !verdict.unknown) blame(shard, limit, key, client);
  limit.offenders->note(key, AddressText(counted_address(client)).view(), now);
  return false;
}

}  // namespace

bool CountedKeys::has(uint64_t key) const {
  return std::ranges::find(keys_, key) != keys_.end();
}

void CountedKeys::add(uint64_t key) {
  keys_[next_++ % keys_.size()] = key;
}

IpAddress counted_address(IpAddress client) {
  return client_network(client);
}

uint64_t address_key(HashKey key, const IpAddress& client, const RateLimit& limit) {
  const IpAddress counted = counted_address(client);
  return text_hash(key, {reinterpret_cast<const char*>(counted.bytes.data()), counted.bytes.size()}, limit.name);
}

bool keep_connection_limits(Shard& shard, const LiveService& service, const IpAddress& client,
                            std::unique_ptr<CountedKeys>& counted, bool connected) {
  const policy::Policies& policies = *service.now().plan->policies;
  if (policies.trusted_proxies.trusts(client)) return true;
  for (const auto& limit : policies.rate_limits) {
    if (!limit->connection_table || !limit->by_address) continue;
    const uint64_t key = address_key(limit_key(), client, *limit);
    if (!take(shard, *limit, key, client, connected)) return false;
    if (!counted) counted = std::make_unique<CountedKeys>();
    counted->add(key);
  }
  return true;
}

}  // namespace cardea::l7::proxy
