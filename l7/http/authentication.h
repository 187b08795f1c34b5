// Authentication that a connection remembers instead of each request proving it: NTLM, and Negotiate (RFC 4559). Who
// speaks on such a connection later is taken for whoever authenticated it.
#pragma once

#include "l7/http/headers.h"

namespace cardea::l7::http {

// Whether these hold credentials of such a scheme, or a challenge that offers one (to users or to proxies).
bool binds_connection(const Headers& headers);

}  // namespace cardea::l7::http
