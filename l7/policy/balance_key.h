// What a pool's balance hashes of a request or a connection. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "base/flow_hash.h"
#include "l7/http/head.h"
#include "l7/plan/live_plan.h"

namespace cardea::l7::policy {

struct KeyOf {
  const Endpoint* client = nullptr;  // null: not known, as in `explain`
  const Endpoint& listener;
  const http::RequestHead* head = nullptr;  // null: a tcp service's connection
};

// 0 where nothing goes by it. Maglev: of the flow, as layer 4 does. Where there is no such header or cookie, of the client's address (of an IPv6
// address its /64). Nothing: the client is needed, and not known.
std::optional<uint64_t> balance_key(const PoolPlan& pool, HashKey key, const KeyOf& of);

}  // namespace cardea::l7::policy
