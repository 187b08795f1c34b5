// Which requests a response is for beside its URL (RFC 9111 4.1): the values that the request had in the headers the
// response's Vary names, kept as lines "name:value", or "name" where the request had none. Lists of preferences are
// compared without their white space and case, everything else byte by byte.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "l7/http/headers.h"

namespace cardea::l7::cache {

// Nothing: no other request can be served with this response. So it is where Vary names what this proxy writes itself
// (X-Forwarded-For, X-Real-IP, …), because then the backend saw something else than the client sent; and where the
// values are too long to keep.
std::optional<std::string> selector_of(const http::Headers& request, const http::Headers& response);

bool selects(std::string_view selector, const http::Headers& request);

// Whether both look at the same headers, whatever their values.
bool same_names(std::string_view a, std::string_view b);

}  // namespace cardea::l7::cache
