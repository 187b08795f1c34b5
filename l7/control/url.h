// A URL as an operator types it, in the pieces a request has them in: scheme, authority, path and query. What it names
// is read by the same functions that read requests.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace cardea::l7 {

struct Url {
  std::string scheme;     // "https" or "http"
  std::string authority;  // as written, "shop.com:8443"
  std::string host;       // without port and brackets
  uint16_t port = 0;      // 443 or 80 where none is written
  std::string path;       // "/…"
  std::string query;
  bool has_query = false;

  std::string target() const { return has_query ? path + '?' + query : path; }
};

// "https://shop.com/images/a.png?x=1". A fragment is an Error: it never reaches a server.
Result<Url> parse_url(std::string_view text);

}  // namespace cardea::l7
