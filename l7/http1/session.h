// A client's connection that speaks HTTP/1: exchange after exchange. Between them it waits without a buffer.
#pragma once

#include "l7/proxy/connection.h"
#include "l7/runtime/task.h"

namespace cardea::l7::http1 {

// True: it turned out to speak HTTP/2, without having said so before; what came is in the connection's input.
Task<bool> serve(proxy::Connection& connection);

}  // namespace cardea::l7::http1
