// What OpenSSL's error queue says about a handshake that failed, as the few reasons an operator can act on.
#pragma once

#include <openssl/types.h>

#include "l7/tls/tls_stream.h"

namespace cardea::l7::tls {

// Reads this thread's error queue without emptying it. `lower_failed`: the connection underneath ended or broke.
Handshake explain_handshake_failure(const SSL* ssl, bool lower_failed);

}  // namespace cardea::l7::tls
