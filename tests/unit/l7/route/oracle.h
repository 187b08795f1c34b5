// The rules of routing written down once more, as slowly and plainly as possible: every route is compared with the
// request, the best one wins. What tests and the fuzz target hold the table against.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "l7/route/table.h"

namespace cardea::l7::route::test {

inline std::string small(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c;
  return out;
}

// How specific a pattern is for a host: nothing when it does not match; exact above every wildcard, a longer wildcard
// above a shorter one, any below all.
inline std::optional<size_t> host_rank(std::string_view pattern, std::string_view host) {
  std::string wanted = small(pattern), asked = small(host);
  if (!asked.empty() && asked.back() == '.') asked.pop_back();
  if (!wanted.empty() && wanted.back() == '.') wanted.pop_back();
  if (wanted == "*") return 0;
  if (!wanted.starts_with("*.")) return wanted == asked ? std::optional<size_t>(1000) : std::nullopt;
  const std::string suffix = wanted.substr(1);
  if (asked.size() <= suffix.size() || !asked.ends_with(suffix)) return {};
  return suffix.size();
}

inline bool prefix_matches(std::string_view prefix, std::string_view path) {
  if (path.substr(0, prefix.size()) != prefix) return false;
  return prefix.ends_with('/') || path.size() == prefix.size() || path[prefix.size()] == '/';
}

// Dot segments by a stack of segments; nothing when the path climbs above its root.
inline std::optional<std::string> without_dots(std::string_view path) {
  std::vector<std::string_view> segments;
  bool ends_as_folder = false;
  for (size_t at = 1; at <= path.size();) {
    const size_t slash = std::min(path.find('/', at), path.size());
    const std::string_view segment = path.substr(at, slash - at);
    ends_as_folder = segment == "." || segment == "..";
    if (segment == "..") {
      if (segments.empty()) return {};
      segments.pop_back();
    } else if (segment != ".") {
      segments.push_back(segment);
    }
    at = slash + 1;
  }
  std::string out;
  for (const std::string_view segment : segments) out.append("/").append(segment);
  return ends_as_folder ? out + "/" : out;
}

inline std::vector<std::string> split(std::string_view text, char by) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == by) {
      parts.emplace_back();
    } else {
      parts.back().push_back(c);
    }
  }
  return parts;
}

// What a request has under that name, of headers, parameters or cookies.
using Named = std::vector<std::pair<std::string, std::string>>;

inline Named pairs_of(std::string_view text, char by) {
  Named named;
  for (std::string part : split(text, by)) {
    part.erase(0, part.find_first_not_of(" \t"));
    part.erase(part.find_last_not_of(" \t") + 1);
    const size_t equals = std::min(part.find('='), part.size());
    if (!part.empty()) named.emplace_back(part.substr(0, equals), part.substr(std::min(equals + 1, part.size())));
  }
  return named;
}

inline bool holds(const Condition& condition, const Named& named, bool any_case) {
  using Rule = Condition::Rule;
  bool there = false, fits = false;
  for (const auto& [name, value] : named) {
    if (any_case ? small(name) != small(condition.name) : name != condition.name) continue;
    there = true;
    fits = fits || (condition.rule == Rule::kExact && value == condition.text) ||
           (condition.rule == Rule::kPrefix && value.substr(0, condition.text.size()) == condition.text) ||
           (condition.rule == Rule::kPattern && condition.pattern->matches(value));
  }
  if (condition.rule == Rule::kPresent) return there;
  return condition.rule == Rule::kAbsent ? !there : fits;
}

// Without a head, by whom and for which protocols it is asked.
inline bool hold_beside(const Conditions& conditions, const Asked& asked) {
  bool client = conditions.clients.empty(), offered = conditions.alpn.empty();
  for (const auto& one : conditions.clients) client = client || one.contains(asked.client);
  for (std::string left(asked.alpn); !left.empty();) {
    const size_t size = uint8_t(left[0]);
    if (size >= left.size()) break;
    for (const std::string& one : conditions.alpn) offered = offered || left.substr(1, size) == one;
    left.erase(0, size + 1);
  }
  return client && offered;
}

inline bool hold(const Conditions& conditions, const Asked& asked) {
  const bool beside = hold_beside(conditions, asked);
  const size_t rest = conditions.count() - !conditions.clients.empty() - !conditions.alpn.empty();
  if (asked.head == nullptr) return beside && rest == 0;
  Named headers, cookies;
  for (const http::Header& header : asked.head->headers) {
    headers.emplace_back(header.name(), header.value());
    if (small(header.name()) != "cookie") continue;
    for (auto& pair : pairs_of(header.value(), ';')) cookies.push_back(std::move(pair));
  }
  const Named query = pairs_of(asked.head->query, '&');
  bool good = true, method = conditions.methods.empty();
  for (const auto& one : conditions.methods) method = method || one == asked.head->method_text;
  for (const auto& one : conditions.headers) good = good && holds(one, headers, true);
  for (const auto& one : conditions.query) good = good && holds(one, query, false);
  for (const auto& one : conditions.cookies) good = good && holds(one, cookies, false);
  return good && method && beside;
}

inline bool path_fits(PathRule rule, const std::string& of_route, std::string_view path) {
  if (rule == PathRule::kExact) return of_route == path;
  return rule == PathRule::kPattern ? Pattern::compile(of_route)->matches(path) : prefix_matches(of_route, path);
}

// Of those that share a regular expression under one host the first decides about its place.
inline uint32_t place_of(std::span<const RouteRow> rows, uint32_t row, std::string_view host) {
  const auto wanted = parse_host_pattern(host);
  for (uint32_t i = 0; i < row; ++i) {
    std::vector<std::string_view> hosts = rows[i].hosts;
    if (hosts.empty()) hosts.push_back("*");
    for (const std::string_view one : hosts) {
      const auto pattern = parse_host_pattern(one);
      if (rows[i].rule == PathRule::kPattern && rows[i].path == rows[row].path && pattern->rule == wanted->rule &&
          pattern->name == wanted->name)
        return i;
    }
  }
  return row;
}

// `paths`: the rows' as they are compared.
inline std::optional<uint32_t> linear_scan(std::span<const RouteRow> rows, std::span<const std::string> paths,
                                           std::string_view host, std::string_view path, const Asked& asked = {}) {
  std::optional<uint32_t> best;
  std::vector<int64_t> best_rank;
  for (uint32_t i = 0; i < rows.size(); ++i) {
    std::vector<std::string_view> patterns = rows[i].hosts;
    if (patterns.empty()) patterns.push_back("*");
    for (const std::string_view pattern : patterns) {
      const auto of_host = host_rank(pattern, host);
      if (!of_host || !path_fits(rows[i].rule, paths[i], path) || !hold(rows[i].conditions, asked)) continue;
      const bool by_pattern = rows[i].rule == PathRule::kPattern;
      const std::vector<int64_t> rank = {int64_t(*of_host), -int64_t(rows[i].rule),
                                         by_pattern ? -int64_t(place_of(rows, i, pattern)) : int64_t(paths[i].size()),
                                         int64_t(rows[i].conditions.count()), -int64_t(i)};
      if (best && rank <= best_rank) continue;
      best = i, best_rank = rank;
    }
  }
  return best;
}

}  // namespace cardea::l7::route::test
