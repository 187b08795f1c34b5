#include "l7/policy/cors.h"

#include <fmt/format.h>

#include <algorithm>

namespace cardea::l7::policy {
namespace {

// "a", "a.b": what a browser's URL has as the labels of a host; nothing else is repeated to anybody.
bool is_labels(std::string_view text) {
  constexpr std::string_view kOfHosts = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
  return text.find_first_not_of(kOfHosts) == text.npos && !text.starts_with('.') && !text.ends_with('.') && !text.contains("..");
}

// "https://*.example" and "https://a.b.example"; what the '*' stands for is one label or more.
bool fits(std::string_view pattern, std::string_view origin) {
  const size_t star = pattern.find("//*.");
  if (star == pattern.npos) return pattern == origin;
  const std::string_view scheme = pattern.substr(0, star + 2), rest = pattern.substr(star + 3);
  if (!origin.starts_with(scheme) || !origin.ends_with(rest)) return false;
  if (origin.size() <= scheme.size() + rest.size()) return false;
  const std::string_view labels = origin.substr(scheme.size(), origin.size() - scheme.size() - rest.size());
  return is_labels(labels);
}

std::string line(std::string_view name, const std::vector<std::string>& values) {
  return values.empty() ? "" : fmt::format("{}: {}\r\n", name, fmt::join(values, ", "));
}

}  // namespace

Result<Cors> Cors::read(const settings::CorsT& from) {
  Cors to;
  to.origins_ = from.origins;
  to.any_ = std::ranges::find(from.origins, "*") != from.origins.end();
  to.any_header_ = std::ranges::find(from.headers, "*") != from.headers.end();
  if (to.any_ && from.credentials) return fail("credentials for every origin");
  const std::string credentials = from.credentials ? "Access-Control-Allow-Credentials: true\r\n" : "";
  std::vector<std::string> methods = {"GET", "HEAD", "POST"};
  methods.insert(methods.end(), from.methods.begin(), from.methods.end());
  to.of_responses_ = credentials + line("Access-Control-Expose-Headers", from.expose);
  to.of_preflights_ = credentials + line("Access-Control-Allow-Methods", methods) +
                      (to.any_header_ ? "" : line("Access-Control-Allow-Headers", from.headers)) +
                      fmt::format("Access-Control-Max-Age: {}\r\n", from.max_age_ms / 1000);
  return to;
}

bool Cors::allows(std::string_view origin) const {
  if (origin.empty()) return false;
  return any_ || std::ranges::any_of(origins_, [origin](const auto& pattern) { return fits(pattern, origin); });
}

}  // namespace cardea::l7::policy
