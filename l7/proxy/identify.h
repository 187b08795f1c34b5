// What an exchange is called: on the way to its backend, in the log, and to the client where the service tells it; and
// the trace that it belongs to. A client's own word counts where the service believes it (trusted_proxies).
#pragma once

#include "l7/http/edit.h"

namespace cardea::l7::proxy {

class Exchange;

// Once its head is there.
void identify(Exchange& exchange);
http::IdHeader id_for_backend(const Exchange& exchange);
http::IdHeader id_for_client(const Exchange& exchange);  // no name: it is not told

}  // namespace cardea::l7::proxy
