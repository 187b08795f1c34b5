// What the policies of a route, or of a service for what no route matches, change of headers (request_headers,
// response_headers): made in the exchange's arena.
#pragma once

#include "l7/http/header_changes.h"
#include "l7/policy/policies.h"

namespace cardea::l7::proxy {

class Exchange;

// Of the exchange's route, or of its service where no route was found.
const policy::Policies& policies_of(const Exchange& exchange);

http::HeaderChanges request_changes(Exchange& exchange);
// Of a final response. `headers`: what it has; null: it is an answer of ours (http/reply_text.h).
http::HeaderChanges response_changes(Exchange& exchange, const http::Headers* headers);

}  // namespace cardea::l7::proxy
