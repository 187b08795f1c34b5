// Which requests a response is for beside its URL (RFC 9111 4.1): the values that the backend saw in the headers the
// response's Vary names, kept as lines "name:value", or "name" where the request had none. Lists of preferences are
// compared without their white space and case, everything else byte by byte.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "l7/cache/cache.h"
#include "l7/http/connection.h"
#include "l7/http/headers.h"

namespace cardea::l7::cache {

// A request's headers as its backend sees them: the client's, less what ends here and what this proxy writes itself.
struct Seen {
  const http::Headers& headers;
  const http::ConnectionOptions& options;
};
Seen seen_of(const Request& request);

// Nothing: no other request can be served with this response. So it is where Vary names what this proxy writes itself
// (X-Forwarded-For, X-Real-IP, …), because then the backend saw something else than the client sent; and where the
// values are too long to keep.
std::optional<std::string> selector_of(const Seen& request, const http::Headers& response);

bool selects(std::string_view selector, const Seen& request);

// Whether both look at the same headers, whatever their values.
bool same_names(std::string_view a, std::string_view b);

}  // namespace cardea::l7::cache
