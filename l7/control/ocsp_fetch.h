// One question to an OCSP responder, asked by a thread that may wait: HTTP, one POST (RFC 6960 A.1), an answer of 32 KB at
// most, all within a deadline and until somebody says stop. OpenSSL's own client will not do: it waits by select(), which
// a proxy's descriptors are too many for, and reads header lines without end. Only the name's look-up is not under the
// deadline but under the resolver's own.
#pragma once

#include <chrono>
#include <expected>
#include <string>
#include <string_view>

namespace cardea::l7 {

struct NoOcspAnswer {
  std::string why;
  bool away = false;  // nobody there answers, whatever is asked
};
using OcspAnswer = std::expected<std::string, NoOcspAnswer>;

// `url`: "http://…". `stop`: a descriptor that is readable when nobody wants the answer any more; or -1. What is answered
// was not looked at.
OcspAnswer fetch_ocsp(const std::string& url, std::string_view question, std::chrono::milliseconds timeout, int stop = -1);

}  // namespace cardea::l7
