// 103 Early Hints (RFC 8297): what a page will need, told while its backend is asked for it.
#pragma once

namespace cardea::l7::proxy {

class Exchange;

// Sends what the request's policies have, to clients that take it; before the first attempt at a backend.
void send_early_hints(Exchange& exchange);

}  // namespace cardea::l7::proxy
