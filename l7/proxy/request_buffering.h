// A request's body is here before a backend has to do with it (settings.RequestBuffering): a client that is slow to send
// holds no connection of a backend's, and no place among those that are served.
#pragma once

#include "l7/proxy/failure.h"
#include "l7/runtime/task.h"

namespace cardea::l7::proxy {

class Exchange;

// Waits for a body of at most `bytes`. One that is larger, has no end that could be waited for, or finds no memory goes on as
// it comes. The failure is the client's.
Task<Failure> buffer_request(Exchange& exchange, size_t bytes);

}  // namespace cardea::l7::proxy
