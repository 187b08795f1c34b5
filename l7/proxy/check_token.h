// Who asks, by the token that the request brings (policy/jwt.h): verified here, or where that takes longer beside the shards,
// once for a token.
#pragma once

#include "l7/proxy/failure.h"
#include "l7/runtime/task.h"

namespace cardea::l7::policy {
class Jwt;
}

namespace cardea::l7::proxy {

class Exchange;

// Why it may not pass; else its claims are the exchange's, and "sub" is who asks.
Task<Failure> check_token(Exchange& exchange, const policy::Jwt& jwt);

}  // namespace cardea::l7::proxy
