// What a client that has something already is told (RFC 9110 13): whether a representation is the one it has, whether
// it may act on it, and which part of it is wanted. A response's head says what the representation is.
#pragma once

#include <cstdint>

#include "l7/http/head.h"
#include "l7/http/range.h"

namespace cardea::l7::http {

// The conditions of If-Match, or else If-Unmodified-Since, hold (13.2.2, first half); else the answer is a 412. `now`:
// seconds since 1970, as below.
bool preconditions_hold(const RequestHead& request, const ResponseHead& response, int64_t now);
// By If-None-Match, or else If-Modified-Since: the client has a response of this head. `received`: when it was made or
// came here.
bool not_modified(const RequestHead& request, const ResponseHead& response, int64_t received);
// Of a 200 of so many bytes, as Range and If-Range say.
ByteRange wanted_range(const RequestHead& request, const ResponseHead& response, uint64_t size);

}  // namespace cardea::l7::http
