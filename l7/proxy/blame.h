// Who is refused by a limit and goes on (rate_limits[].block_for, .block_after).
#pragma once

#include "base/ip.h"
#include "l7/policy/rate_limit.h"

namespace cardea::l7::proxy {

class Shard;

// One refusal, of a key that its limit knows: one that there was no room for may be refused for what others did. `client`: who
// is connected here, and nobody whom another only names: packets of that address are what the dataplane will drop.
void blame(Shard& shard, const policy::RateLimit& limit, uint64_t key, const IpAddress& client);

}  // namespace cardea::l7::proxy
