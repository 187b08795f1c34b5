// The head of an HTTP/1 request: read from the client until it is whole, wrong, or too late.
#pragma once

#include "l7/proxy/exchange.h"

namespace cardea::l7::http1 {

// The first bytes are in the client's buffer. What went wrong is in exchange.failure; what the head took is behind the
// input's start.
Task<> read_head(proxy::Exchange& exchange);

}  // namespace cardea::l7::http1
