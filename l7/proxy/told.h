// What of a request reaches its backend though it is neither of its URL nor one of the client's headers, which Vary is
// compared with: by it a cache tells apart what the backend can.
#pragma once

#include <string_view>

namespace cardea::l7::proxy {

class Exchange;

// cache::Request::pool: the share's, and behind it a proxy's word in front of us, what stands for variables in
// request_headers, and what forward_auth has to say to it. The same throughout the exchange; in its arena where it is more
// than the share's.
std::string_view origin_of(Exchange& exchange);

// A client's certificate counts as Authorization does (RFC 9111 3.5), unless all clients of the service have to have
// one and backends are told nothing of it.
bool is_known_by_certificate(const Exchange& exchange);

}  // namespace cardea::l7::proxy
