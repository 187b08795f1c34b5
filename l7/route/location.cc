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
  if (target.made) return {target.made->path, {}};
  if (target.path.forward == "*") return {"/", {}};
  if (!redirect.prefix.empty()) return replace_prefix(target.path, target.prefix, redirect.prefix);
  return {target.path.forward, {}};
}

// With its '?'; in pieces.
struct Query {
  std::string_view mark, text;
};
Query query_of(const Redirect& redirect, const Target& target) {
  if (target.made) return {target.made->query.empty() ? "" : "?", target.made->query};
  if (!target.head.has_query || !redirect.keeps_query) return {};
  return {"?", target.head.query};
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

size_t made_size(const PathTemplate& by, const PathReading& path, std::string_view query) {
  const size_t whole = by.size_max(path.match, query);
  return whole + 2 * whole;  // and what is read of it
}

std::expected<MadeTarget, http::Fault> make_target(std::span<char> into, const PathTemplate& by, const Pattern* of,
                                                   const PathReading& path, std::string_view query) {
  const size_t whole = by.size_max(path.match, query);
  const auto made = by.write(into.first(whole), of, path.match, query);
  if (!made) return std::unexpected(http::Fault::kPathMade);
  const auto reading = read_path(made->path, into.subspan(whole));
  if (!reading || reading->forward != made->path) return std::unexpected(http::Fault::kPathMade);
  return *made;
}

size_t location_size(const Redirect& redirect, const Target& target) {
  constexpr size_t kMost = sizeof "https://" + sizeof(http::HostText);
  return kMost + path_of(redirect, target).size() + 1 + query_of(redirect, target).text.size();
}

std::string_view write_location(std::span<char> into, const Redirect& redirect, const Target& target) {
  const std::string_view scheme = scheme_of(redirect, target);
  const http::HostText host(authority_of(redirect, target), scheme);
  const JoinedPath path = path_of(redirect, target);
  const Query query = query_of(redirect, target);
  char* at = into.data();
  for (const std::string_view piece : {scheme, std::string_view("://"), host.view(), path.front, path.rest,
                                       query.mark, query.text}) {
    CHECK(piece.size() <= size_t(into.data() + into.size() - at), "a location is longer than it was measured");
    if (!piece.empty()) std::memcpy(at, piece.data(), piece.size());
    at += piece.size();
  }
  return {into.data(), size_t(at - into.data())};
}

}  // namespace cardea::l7::route
