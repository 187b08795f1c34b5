// The first bytes of a connection, waited for without a buffer.
#pragma once

#include "l7/proxy/connection.h"

namespace cardea::l7::proxy {

// Reads them from the socket into the connection's empty input. ENOMEM: there is no buffer for them. Where there are
// none the input has no buffer either.
Task<IoResult> read_first(Arena& arena, Connection& connection, Instant deadline);

}  // namespace cardea::l7::proxy
