// A rate limit as the shards ask it (settings.RateLimit): what its keys are made of, and how far each is ahead.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/policies_generated.h"
#include "base/template.h"
#include "l7/plan/rows.h"
#include "l7/policy/rate_table.h"

namespace cardea::l7 {
struct RowSet;
}

namespace cardea::l7::policy {

struct RateLimit {
  std::string name;
  Template key;  // empty: the client's address, of IPv6 its /64
  Rate rate;
  size_t keys_max = 0;
  std::shared_ptr<RateTable> table;  // the same one as long as the limit stays in the plan with as many keys
  RateLimitRows rows;
  std::shared_ptr<const RowSet> row_set;

  // `running`: the same limit of the plan in force; null: it is new.
  static Result<RateLimit> read(const settings::RateLimitT& from, const RateLimit* running);
};

using RateLimits = std::vector<std::shared_ptr<const RateLimit>>;
// Null: there is none of that name.
std::shared_ptr<const RateLimit> find(const RateLimits& limits, std::string_view name);

}  // namespace cardea::l7::policy
