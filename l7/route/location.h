// Where a redirect sends a client, as an absolute URL: scheme and authority are always written, so that no path of a
// client's ("//evil") is read as a host. Its port stays where the scheme stays; of another scheme it is that scheme's
// own, unless the operator names one. Also how a prefix of a path is replaced, and a target made of what a path's groups
// matched, here and on the way to a backend.
#pragma once

#include <expected>
#include <optional>
#include <span>
#include <string_view>

#include "l7/http/head.h"
#include "l7/route/action.h"
#include "l7/route/path.h"

namespace cardea::l7::route {

// The path with what stands for `prefix` replaced by `by`, and exactly one '/' where they meet; `prefix` is the prefix
// of path.match that the route matched. In two pieces: `by` without its final '/' and what is left, of which one may be
// empty. A path "*" is left as it is.
struct JoinedPath {
  std::string_view front, rest;
  size_t size() const { return front.size() + rest.size(); }
};
JoinedPath replace_prefix(const PathReading& path, std::string_view prefix, std::string_view by);

// `of`: the route's expression; null: it has none. A path that dot segments would lead elsewhere than it reads, or that has broken
// escapes, is none: groups may be put together to either.
size_t made_size(const PathTemplate& by, const PathReading& path, std::string_view query);
std::expected<MadeTarget, http::Fault> make_target(std::span<char> into, const PathTemplate& by, const Pattern* of,
                                                   const PathReading& path, std::string_view query);

struct Target {
  const http::RequestHead& head;
  std::string_view scheme;  // how the client came
  const PathReading& path;
  std::string_view prefix;  // that the route matched
  std::optional<MadeTarget> made{};  // in place of path and query
};

// How much room write_location wants, at most.
size_t location_size(const Redirect& redirect, const Target& target);
// The head's authority is not empty unless the redirect names a host.
std::string_view write_location(std::span<char> into, const Redirect& redirect, const Target& target);

}  // namespace cardea::l7::route
