// Requests that a web application firewall has to see first (policy/waf.h): their head and the beginning of their body go
// to a worker of cardea-waf, and what it says is waited for in the shard's own loop, with a deadline. That worker may be
// slow, full, killed or not there: each has its counter, its word in the log, and an end that the policy names.
#pragma once

#include "l7/proxy/failure.h"
#include "l7/runtime/task.h"

namespace cardea::l7::policy {
struct Waf;
}

namespace cardea::l7::proxy {

class Exchange;

// Why it may not go on. What was read of its body waits in the exchange.
Task<Failure> inspect(Exchange& exchange, const policy::Waf& waf);

}  // namespace cardea::l7::proxy
