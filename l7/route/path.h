// A request's path as routing reads it. Percent-encoded unreserved bytes are decoded, other escapes get capital digits,
// dot segments are resolved; %2F stays an escape, as in RFC 3986. Because backends differ, a path on which they could
// disagree gets a second, lenient reading (%2F and %5C separate, runs of slashes are one, ";parameters" are gone, then
// dot segments are resolved): the table refuses a request whose readings reach different routes, so that nobody reaches
// a backend's /admin through the route of "/". A ".." that only some readers see is refused whatever it leads to: they
// are lenient in different parts of this. So are NULs, control bytes, broken escapes and climbing above the root.
//
// What is sent on is the client's own path, unless dot segments were resolved: then it is what was matched.
#pragma once

#include <expected>
#include <span>
#include <string_view>

#include "l7/http/fault.h"

namespace cardea::l7::route {

struct PathReading {
  std::string_view match;    // what routes are compared with
  std::string_view lenient;  // what a lenient backend would see in `forward`; nearly always the same as `match`
  std::string_view forward;  // what goes to the backend
};

// Whether a path is its own reading, so that no scratch is needed.
bool is_plain(std::string_view path);

// How much scratch read_path wants for a path that is not plain.
constexpr size_t scratch_size(std::string_view path) {
  return 2 * path.size();
}

// `path` begins with '/' ("*" is read as "/"). The reading views `path` and `scratch`.
std::expected<PathReading, http::Fault> read_path(std::string_view path, std::span<char> scratch);

}  // namespace cardea::l7::route
