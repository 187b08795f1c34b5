// A service is asked whether a request may pass (policy/forward_auth.h); requests that would ask the same wait for one
// answer, or go by the last.
#pragma once

#include "l7/proxy/failure.h"
#include "l7/runtime/task.h"

namespace cardea::l7::policy {
struct ForwardAuth;
}

namespace cardea::l7::proxy {

class Exchange;

// Why it may not pass; where that is the service's word, nothing, and the exchange has its refusal.
Task<Failure> ask_service(Exchange& exchange, const policy::ForwardAuth& auth);
// What the service says to the client.
Task<> tell_refusal(Exchange& exchange);

}  // namespace cardea::l7::proxy
