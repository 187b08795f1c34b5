// A stale object is renewed behind the answer that was made of it (RFC 5861 3): the client's request goes to a backend
// once more, as a plain GET for the whole object with its validators, and with nobody to take the answer. What fails
// leaves the object as it is.
#pragma once

#include <cstdint>

namespace cardea::l7::proxy {

class Exchange;

// Of the host, all shards and caches together. Each may hold a connection to a backend for a response's whole time; an
// object that finds no room is renewed behind a later answer.
inline constexpr uint32_t kRenewalsMax = 128;

// Where the cache wants it of this exchange. It begins in the next turn: the client's answer goes first.
void renew_behind(Exchange& exchange);

}  // namespace cardea::l7::proxy
