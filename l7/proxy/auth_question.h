// The question to a service that says who may ask, and what its answer is remembered and shared by.
#pragma once

#include <string_view>

namespace cardea::l7::http {
class Headers;
}
namespace cardea::l7::policy {
struct ForwardAuth;
}

namespace cardea::l7::proxy {

class Exchange;

// A request's head, in the exchange's arena.
std::string_view write_question(Exchange& exchange, const policy::ForwardAuth& auth);
// All that an answer may hang on; empty: it is nobody else's.
std::string_view auth_key(Exchange& exchange, const policy::ForwardAuth& auth, std::string_view question);
// Whether these are such a question's.
bool is_auth_question(const http::Headers& headers);

}  // namespace cardea::l7::proxy
