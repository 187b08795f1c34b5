// Which requests the cache may answer and which responses it may keep (RFC 9111 3), and why not: pure decisions. Beyond
// the RFC it keeps nothing that one client could have shaped for all others: no errors of parsing or of size, nothing
// that was asked for with headers by which frameworks let a client choose another URL, host or method.
#pragma once

#include <cstdint>
#include <string_view>

#include "l7/cache/freshness.h"
#include "l7/http/body.h"
#include "l7/http/head.h"

namespace cardea::l7::cache {

enum class Admission : uint8_t {
  kStore,
  kRequest,        // not a plain GET: another method, a range, a precondition, a body
  kNoStore,        // either side said so, or private, or no-cache without a validator to ask with
  kAuthorization,  // of one user, and nothing says that others may have it (3.5)
  kSetCookie,      // likewise
  kUnkeyed,        // the request has headers that may choose the response without being in the key
  kStatus,         // one that is not kept, or a part (206)
  kVary,           // of a header nobody can compare
  kUnknownEnd,     // ended by the connection's end: it cannot be told from a broken one
  kNotFresh,       // old when it came, or without a lifetime
};
std::string_view word(Admission admission);

// GET and HEAD that ask for the whole of one object and nothing else.
bool may_be_answered(const http::RequestHead& request);

// Whether its response could be kept, had it been a GET.
bool may_fill(const http::RequestHead& request);

Admission admission(const http::RequestHead& request, const http::ResponseHead& response, http::BodyFraming body,
                    const Freshness& freshness);

// Whether a request may have an object that another one's response became.
bool may_have(const http::Headers& request, const Freshness& freshness);

}  // namespace cardea::l7::cache
