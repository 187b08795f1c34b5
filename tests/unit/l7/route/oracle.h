// The rules of routing written down once more, as slowly and plainly as possible: every route is compared with the
// request, the best one wins. What tests and the fuzz target hold the table against.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "l7/route/table.h"

namespace cardea::l7::route::testing {

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

inline std::optional<uint32_t> linear_scan(std::span<const RouteRow> rows, std::span<const std::string> prefixes,
                                           std::string_view host, std::string_view path) {
  std::optional<uint32_t> best;
  size_t best_rank = 0, best_size = 0;
  for (uint32_t i = 0; i < rows.size(); ++i) {
    std::vector<std::string_view> patterns = rows[i].hosts;
    if (patterns.empty()) patterns.push_back("*");
    for (const std::string_view pattern : patterns) {
      const auto rank = host_rank(pattern, host);
      if (!rank || !prefix_matches(prefixes[i], path)) continue;
      if (best && (*rank < best_rank || (*rank == best_rank && prefixes[i].size() <= best_size))) continue;
      best = i, best_rank = *rank, best_size = prefixes[i].size();
    }
  }
  return best;
}

}  // namespace cardea::l7::route::testing
