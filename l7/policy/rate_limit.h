// A limit as the shards ask it (settings.RateLimit): what its keys are made of, and how far each is ahead of each of its
// rates.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/policies_generated.h"
#include "base/template.h"
#include "l7/plan/rows.h"
#include "l7/policy/offenders.h"
#include "l7/policy/place_table.h"
#include "l7/policy/rate_table.h"

namespace cardea::l7 {
struct RowSet;
}

namespace cardea::l7::policy {

struct RateLimit {
  std::string name;
  Template key;
  std::string key_text;  // as it was written
  std::chrono::milliseconds period{0};
  Rate rate;
  Rate connection_rate;
  ByteRate request_rate, response_rate;
  Rate refusal_rate;  // that is answered; who is refused more often is to be blocked
  uint32_t block_ms = 0;
  bool by_address = false;   // the client's is its key, of IPv6 the /64
  bool secret = false;       // its key may be what somebody shows to be let in: nobody is shown it
  bool by_identity = false;  // its key says who a client is: it is asked behind those that find that out
  size_t keys_max = 0;
  uint32_t concurrent = 0;  // 0: any number
  uint32_t requests = 0;    // 0: at any rate
  uint32_t connections = 0;  // 0: at any rate
  std::string policy_line;  // "RateLimit-Policy: …" of those who are told; empty: nobody is
  // The same ones as long as the limit stays in the plan with as many keys; null: of what is not limited.
  std::shared_ptr<RateTable> table, connection_table, request_table, response_table, refusal_table;
  std::shared_ptr<PlaceTable> places;  // and as long as it stays there at all
  std::shared_ptr<Offenders> offenders;  // with the same key
  RateLimitRows rows;
  std::shared_ptr<const RowSet> row_set;

  // `running`: the same limit of the plan in force; null: it is new.
  static Result<RateLimit> read(const settings::RateLimitT& from, const RateLimit* running);

  bool counts_bytes() const { return request_table || response_table; }
};

using RateLimits = std::vector<std::shared_ptr<const RateLimit>>;
// Null: there is none of that name.
std::shared_ptr<const RateLimit> find(const RateLimits& limits, std::string_view name);

}  // namespace cardea::l7::policy
