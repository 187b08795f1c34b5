#include "l7/policy/forward_auth.h"

#include <fmt/format.h>

#include <algorithm>

#include "l7/http/fields.h"

namespace cardea::l7::policy {
namespace {

bool has(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::any_of(names, [name](const std::string& one) { return http::equal_without_case(one, name); });
}

// By the operator's spelling.
std::string lines_of(const http::Headers& headers, const std::vector<std::string>& names) {
  std::string lines;
  for (const std::string& name : names)
    for (const http::Header& header : headers)
      if (http::equal_without_case(header.name(), name) && !header.value().empty())
        lines.append(name).append(": ").append(header.value()).append("\r\n");
  return lines;
}

// The only header of that name.
std::string value_of(const http::Headers& headers, std::string_view name) {
  if (name.empty()) return {};
  std::string_view value;
  size_t count = 0;
  for (const http::Header& header : headers)
    if (http::equal_without_case(header.name(), name)) value = header.value(), ++count;
  return count == 1 ? std::string(value) : std::string();
}

bool is_target(std::string_view path) {
  return path.starts_with('/') && std::ranges::all_of(path, [](char c) { return c > ' ' && c < 0x7f && c != '#'; });
}

}  // namespace

bool ForwardAuth::sees(const http::Header& header) const {
  return has(request_headers, header.name());
}

void ForwardAuth::digest(const http::Headers& headers, AuthAnswer& to) const {
  to.backend_lines = lines_of(headers, answer_headers);
  to.client_lines = lines_of(headers, client_headers);
  to.user = value_of(headers, user_header);
}

std::chrono::milliseconds ForwardAuth::kept_for(const AuthAnswer& answer) const {
  if (answer.own) return {};
  return answer.passes() ? cache : answer.refuses() ? cache_refusals : std::chrono::milliseconds{};
}

Result<ForwardAuth> ForwardAuth::read(const settings::ForwardAuthT& from, const PoolNumbers& pools) {
  const auto pool = pools.find(from.pool);
  if (pool == pools.end()) return fail(fmt::format("there is no pool \"{}\"", from.pool));
  auto key = Template::parse(from.cache_key, Moment::kRequest);
  if (!key) return std::unexpected(std::move(key.error()));
  ForwardAuth to{.pool = pool->second,
                 .path = from.path.empty() ? "/" : from.path,
                 .host = from.host,
                 .request_headers = from.request_headers,
                 .answer_headers = from.answer_headers,
                 .client_headers = from.client_headers,
                 .user_header = from.user_header,
                 .timeout = std::chrono::milliseconds(from.timeout_ms),
                 .cache = std::chrono::milliseconds(from.cache_ms),
                 .cache_refusals = std::chrono::milliseconds(from.cache_refusals_ms),
                 .pass_when_away = from.when_away == settings::WhenAway::pass,
                 .key = std::move(*key),
                 .memory = {}};
  if (!is_target(to.path)) return fail(fmt::format("asks for \"{}\"", to.path));
  if (to.timeout.count() == 0) return fail("a timeout of 0 ms");
  const bool remembers = to.cache.count() != 0 || to.cache_refusals.count() != 0;
  to.memory = std::make_shared<Remembered<AuthAnswer>>(remembers ? Remembered<AuthAnswer>::kBuckets : 1);
  return to;
}

}  // namespace cardea::l7::policy
