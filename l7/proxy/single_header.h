// A header or a cookie by which somebody shows who it is: said once, or by nobody.
#pragma once

#include <string_view>

#include "l7/http/fields.h"
#include "l7/http/headers.h"
#include "l7/http/pairs.h"

namespace cardea::l7::proxy {

// Empty where it is not there, and where it is there twice: the backend might take the other one.
inline std::string_view single_header(const http::Headers& headers, std::string_view name) {
  std::string_view value;
  size_t count = 0;
  for (const http::Header& header : headers) {
    if (!http::equal_without_case(header.name(), name)) continue;
    value = header.value();
    ++count;
  }
  return count == 1 ? value : std::string_view();
}

// The same of a cookie, in all lines that have some.
inline std::string_view single_cookie(const http::Headers& headers, std::string_view name) {
  std::string_view value;
  size_t count = 0;
  for (const http::Header& header : headers) {
    if (header.id() != http::HeaderId::kCookie) continue;
    std::string_view pairs = header.value();
    while (const auto pair = http::next_pair(pairs, ';'))
      if (pair->name == name) value = pair->value, ++count;
  }
  return count == 1 ? value : std::string_view();
}

}  // namespace cardea::l7::proxy
