// Host and port of a target or a Host header (RFC 3986 3.2, less what no site uses: user information, percent-encoding,
// zones, sub-delimiters). What passes here may be looked up, logged and sent on as it is.
#pragma once

#include <optional>
#include <string_view>

#include "l7/http/head.h"

namespace cardea::l7::http {

// Nothing for an empty or malformed one.
std::optional<Authority> parse_authority(std::string_view text);

}  // namespace cardea::l7::http
