// Accept-Encoding (RFC 9110 12.5.3): how much a client wants a content coding.
#pragma once

#include <cstdint>
#include <string_view>

#include "l7/http/headers.h"

namespace cardea::l7::http {

// In thousandths, 0: not at all. "gzip;q=0.5" is 500, what "*" stands for is what it says; a client that sends no such
// header wants none. "x-gzip" is gzip. What is malformed says nothing.
uint16_t quality(const Headers& request, std::string_view coding);

}  // namespace cardea::l7::http
