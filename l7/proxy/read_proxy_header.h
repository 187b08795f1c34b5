// The beginning of a connection from a peer that carries others' (PROXY protocol).
#pragma once

#include "l7/proxy/connection.h"

namespace cardea::l7::proxy {

// From here on the connection is whom its header names; what came behind the header is in its input. False: there was
// none that can be believed, and the connection is closed. A peer that closes without a word, as one does that only
// looks whether somebody listens, is neither counted nor logged.
Task<bool> read_proxy_header(Arena& arena, Connection& connection, Instant deadline);

}  // namespace cardea::l7::proxy
