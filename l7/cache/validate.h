// Whether a backend's 304 speaks of the response that is stored (RFC 9111 4.3.4). One that has another validator must
// not renew it: it would make an old body pass for a new one. The clients' half of validate.cc is in cache.h.
#pragma once

#include "l7/http/head.h"

namespace cardea::l7::cache {

bool confirms(const http::ResponseHead& not_modified, const http::ResponseHead& stored);

}  // namespace cardea::l7::cache
