#include "l7/route/location.h"

#include <cstring>
#include <initializer_list>

#include "base/check.h"
#include "l7/http/authority.h"

namespace cardea::l7::route {
namespace {

std::string_view without_final_slash(std::string_view path) {
  return path.ends_with('/') ? path.substr(0, path.size() - 1) : path;
}

JoinedPath path_of(const Redirect& redirect, const Target& target) {
  if (!redirect.path.empty()) return {redirect.path, {}};
  if (target.path.forward == "*") return {"/", {}};
  if (!redirect.prefix.empty()) return replace_prefix(target.path, target.prefix, redirect.prefix);
  return {target.path.forward, {}};
}

std::string_view scheme_of(const Redirect& redirect, const Target& target) {
  return redirect.scheme.empty() ? target.scheme : std::string_view(redirect.scheme);
}

// Brackets tell HostText that it is an IPv6 address.
http::Authority authority_of(const Redirect& redirect, const Target& target) {
  http::Authority to = target.head.authority;
  if (!redirect.keeps_host()) {
    const std::string_view host = redirect.host;
    to.text = to.host = host;
    if (host.starts_with('[')) to.host = host.substr(1, host.size() - 2);
  }
  if (scheme_of(redirect, target) != target.scheme) to.port = 0;
  if (redirect.port != 0) to.port = redirect.port;
  return to;
}

}  // namespace

JoinedPath replace_prefix(const PathReading& path, std::string_view prefix, std::string_view by) {
  if (path.forward == "*") return {path.forward, {}};
  std::string_view rest = path.match.substr(without_final_slash(prefix).size());
  while (by == "/" && rest.starts_with("//")) rest.remove_prefix(1);  // else it would be a host with a path behind it
  const JoinedPath joined{without_final_slash(by), rest};
  if (rest.empty() && joined.front.empty()) return {"/", {}};
  return rest.empty() ? JoinedPath{by, {}} : joined;
}

size_t location_size(const Redirect& redirect, const Target& target) {
  constexpr size_t kMost = sizeof "https://" + sizeof(http::HostText);
  return kMost + path_of(redirect, target).size() + 1 + target.head.query.size();
}

std::string_view write_location(std::span<char> into, const Redirect& redirect, const Target& target) {
  const std::string_view scheme = scheme_of(redirect, target);
  const http::HostText host(authority_of(redirect, target), scheme);
  const JoinedPath path = path_of(redirect, target);
  const bool query = target.head.has_query && redirect.keeps_query;
  char* at = into.data();
  for (const std::string_view piece : {scheme, std::string_view("://"), host.view(), path.front, path.rest,
                                       std::string_view(query ? "?" : ""), query ? target.head.query : ""}) {
    CHECK(piece.size() <= size_t(into.data() + into.size() - at), "a location is longer than it was measured");
    if (!piece.empty()) std::memcpy(at, piece.data(), piece.size());
    at += piece.size();
  }
  return {into.data(), size_t(at - into.data())};
}

}  // namespace cardea::l7::route
