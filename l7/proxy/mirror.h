// Copies of requests for a second pool (policy/mirror.h): each an exchange of nobody's beside the client's own, which waits
// for nothing of it. Whatever that pool answers, or does not, is counted and forgotten.
#pragma once

#include "l7/proxy/failure.h"
#include "l7/runtime/task.h"

namespace cardea::l7::policy {
struct Mirror;
}

namespace cardea::l7::proxy {

class Exchange;

// Begins the copy of a request that is about to go to its own pool, once its body is here, if there is one and it is no
// larger than may be. A failure: the client's, while its body was read.
Task<Failure> mirror(Exchange& exchange, const policy::Mirror& to);

}  // namespace cardea::l7::proxy
