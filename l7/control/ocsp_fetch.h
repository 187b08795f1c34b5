// One question to an OCSP responder, asked by a thread that may wait: HTTP, one POST (RFC 6960 A.1), an answer of 64 KB at
// most, all within a deadline.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/error.h"

namespace cardea::l7 {

// `url`: "http://…". What it answers was not looked at.
Result<std::string> fetch_ocsp(const std::string& url, std::string_view question, std::chrono::seconds timeout);

}  // namespace cardea::l7
