// A rate limit as the shards ask it (settings.RateLimit): what its keys are made of, and how far each is ahead.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/policies_generated.h"
#include "base/template.h"
#include "l7/plan/rows.h"
#include "l7/policy/place_table.h"
#include "l7/policy/rate_table.h"

namespace cardea::l7 {
struct RowSet;
}

namespace cardea::l7::policy {

struct RateLimit {
  std::string name;
  Template key;  // empty: the client's address, of IPv6 its /64
  Rate rate;
  bool by_identity = false;  // its key says who a client is: it is asked behind those that find that out
  size_t keys_max = 0;
  uint32_t concurrent = 0;  // 0: any number
  uint32_t requests = 0;    // 0: at any rate
  std::string policy_line;  // "RateLimit-Policy: …" of those who are told; empty: nobody is
  std::shared_ptr<RateTable> table;  // the same one as long as the limit stays in the plan with as many keys
  std::shared_ptr<PlaceTable> places;  // and as long as it stays there at all
  RateLimitRows rows;
  std::shared_ptr<const RowSet> row_set;

  // `running`: the same limit of the plan in force; null: it is new.
  static Result<RateLimit> read(const settings::RateLimitT& from, const RateLimit* running);
};

using RateLimits = std::vector<std::shared_ptr<const RateLimit>>;
// Null: there is none of that name.
std::shared_ptr<const RateLimit> find(const RateLimits& limits, std::string_view name);

}  // namespace cardea::l7::policy
