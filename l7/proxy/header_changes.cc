#include "l7/proxy/header_changes.h"

#include <algorithm>

#include "l7/http/fields.h"
#include "l7/proxy/exchange.h"
#include "l7/proxy/variables.h"

namespace cardea::l7::proxy {
namespace {

using policy::HeaderRules;

// What an answer of ours says by itself.
constexpr uint64_t kOfReplies = http::header_set(http::HeaderId::kContentType, http::HeaderId::kCacheControl);

bool has(const http::Headers& headers, const HeaderRules::Line& line) {
  if (line.id != http::HeaderId::kOther) return headers.has(line.id);
  return std::ranges::any_of(headers, [&line](const http::Header& header) {
    return http::equal_without_case(header.name(), line.name());
  });
}

bool is_there(const http::Headers* headers, const HeaderRules::Line& line) {
  return headers != nullptr ? has(*headers, line) : (http::bit(line.id) & kOfReplies) != 0;
}

http::HeaderChanges make(Exchange& x, const HeaderRules& rules, const http::Headers* headers) {
  if (rules.empty()) return {};
  const auto& lines = rules.lines();
  auto* const made = static_cast<std::string_view*>(x.arena().allocate(lines.size() * sizeof(std::string_view)));
  size_t count = 0, bytes = 0;
  for (const HeaderRules::Line& line : lines) {
    if (line.if_absent && is_there(headers, line)) continue;
    const std::string_view text = write_text(x, line.value, line.front, "\r\n");
    if (text.empty()) continue;
    made[count++] = text;
    bytes += text.size();
  }
  return {&rules.dropped(), {made, count}, bytes};
}

const policy::Policies& policies_of(const Exchange& x) {
  return x.record.route != nullptr ? *x.record.route->policies : *x.service.policies;
}

}  // namespace

http::HeaderChanges request_changes(Exchange& x) {
  return make(x, policies_of(x).request_headers, &x.head.headers);
}

http::HeaderChanges response_changes(Exchange& x, const http::Headers* headers) {
  return make(x, policies_of(x).response_headers, headers);
}

}  // namespace cardea::l7::proxy
