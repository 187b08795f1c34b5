// Which trailers go on, in either direction and whatever protocols they come and go by: those that may be one at all
// (http/trailers.h), but for names that the route's header rules, or what this hop tells by itself, keep out of heads too:
// a reader may take both alike. What does not go on is counted.
#pragma once

#include <string_view>

namespace cardea::l7::proxy {

class Exchange;

// Lines ("Name: value", CR LF), in the exchange's arena. Empty: none, or whom they would go to takes none.
std::string_view request_trailers(Exchange& exchange);
std::string_view response_trailers(Exchange& exchange);

// The end of a body that goes out chunked.
std::string_view last_chunk(Exchange& exchange, std::string_view trailers);
// What a backend that speaks HTTP/1 is written behind the request's body.
std::string_view end_of_request(Exchange& exchange);

}  // namespace cardea::l7::proxy
