// Headers by which proxies tell backends of a request's way, beyond those that are written anew for each request.
#pragma once

#include "l7/http/headers.h"

namespace cardea::l7::http {

// X-Forwarded-Prefix, X_Forwarded_Uri: what backends take for a proxy's word.
bool tells_of_forwarding(const Header& header);

}  // namespace cardea::l7::http
