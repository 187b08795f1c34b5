// Headers by which proxies tell backends of a request's way, beyond those that are written anew for each request.
#pragma once

#include <string_view>

#include "l7/http/headers.h"

namespace cardea::l7::http {

// X-Forwarded-Prefix, X_Forwarded_Uri, and the header of the operator's choice by which proxies are believed, or what
// passes for it: what backends take for a proxy's word.
bool tells_of_forwarding(const Header& header, std::string_view chosen);
// The same of a name that is none of those known by number.
bool tells_of_forwarding(std::string_view name, std::string_view chosen);

}  // namespace cardea::l7::http
