// Whom a request has to pass between being routed and being answered, by the policies of its route: who may ask, how
// often, from which site's pages, and who it is.
#pragma once

#include "l7/proxy/failure.h"
#include "l7/runtime/task.h"

namespace cardea::l7::proxy {

class Exchange;

// A browser's question whether a page may ask (Fetch standard 3.2.2): it is answered for every page, and asked by nobody
// else.
bool is_preflight(const Exchange& exchange);
// Why it may not pass. Where that is who may not ask, or not so often, nothing else is looked at.
Task<Failure> guard(Exchange& exchange);
// What the browser asked for.
Task<> answer_preflight(Exchange& exchange);

}  // namespace cardea::l7::proxy
