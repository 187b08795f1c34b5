// How often, and how many at once, requests of a key may come (policy/rate_limit.h).
#pragma once

#include "l7/policy/policies.h"
#include "l7/proxy/failure.h"

namespace cardea::l7::proxy {

class Exchange;

// Of the limits those whose keys say who a client is, or the others. What is under way holds its places until the exchange
// ends, and what is left is told to clients where a limit says so.
Failure keep_limits(Exchange& exchange, const policy::Policies& policies, bool by_identity);

}  // namespace cardea::l7::proxy
