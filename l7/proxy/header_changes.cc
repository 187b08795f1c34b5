#include "l7/proxy/header_changes.h"

#include <algorithm>

#include "l7/http/fields.h"
#include "l7/proxy/exchange.h"
#include "l7/proxy/guard.h"
#include "l7/proxy/variables.h"

namespace cardea::l7::proxy {
namespace {

using policy::HeaderRules;

// What an answer of ours says by itself.
constexpr uint64_t kOfReplies = http::header_set(http::HeaderId::kContentType, http::HeaderId::kCacheControl);

// What is there of a message: not what its sender's Connection ends at this hop.
struct Message {
  const http::Headers* headers;  // null: an answer of ours
  const http::ConnectionOptions& options;
};
constexpr http::ConnectionOptions kNoOptions;

bool has(const Message& message, const HeaderRules::Line& line) {
  if (line.id != http::HeaderId::kOther && !message.headers->has(line.id)) return false;
  return std::ranges::any_of(*message.headers, [&](const http::Header& header) {
    const bool named = header.id() == line.id &&
                       (line.id != http::HeaderId::kOther || http::equal_without_case(header.name(), line.name()));
    return named && !http::is_hop_by_hop(header, message.options);
  });
}

bool is_there(const Message& message, const HeaderRules::Line& line) {
  return message.headers != nullptr ? has(message, line) : (http::bit(line.id) & kOfReplies) != 0;
}

// `more`: lines beside those of the rules.
http::HeaderChanges make(Exchange& x, const HeaderRules& rules, const Message& message, std::string_view more = {}) {
  if (rules.empty() && more.empty()) return {};
  const auto& lines = rules.lines();
  auto* const made = static_cast<std::string_view*>(x.arena().allocate((lines.size() + 1) * sizeof(std::string_view)));
  size_t count = 0, bytes = more.size();
  if (!more.empty()) made[count++] = more;
  for (const HeaderRules::Line& line : lines) {
    if (line.if_absent && is_there(message, line)) continue;
    if (line.only_secure && !x.is_secure()) continue;
    const std::string_view text = write_text(x, line.value, line.front, "\r\n");
    if (text.empty()) continue;
    made[count++] = text;
    bytes += text.size();
  }
  return {&rules.dropped(), {made, count}, bytes};
}

// Whatever the origin: caches behind us must not give one site's answer to another's page.
std::string_view cors_lines(Exchange& x, const policy::Cors& cors) {
  constexpr std::string_view kVary = "Vary: Origin\r\n";
  const std::string_view origin = x.head.headers.value(http::HeaderId::kOrigin);
  const std::string_view vary = cors.allows_any() ? std::string_view() : kVary;
  if (!cors.allows(origin)) return vary;
  const bool preflight = is_preflight(x);
  const std::string_view wanted = x.head.headers.value(http::HeaderId::kAccessControlRequestHeaders);
  const bool mirrors = preflight && cors.mirrors_headers() && !wanted.empty();
  return x.arena().join({"Access-Control-Allow-Origin: ", cors.allows_any() ? "*" : origin, "\r\n",
                         preflight ? cors.of_preflights() : cors.of_responses(),
                         mirrors ? "Access-Control-Allow-Headers: " : "", mirrors ? wanted : "", mirrors ? "\r\n" : "",
                         vary});
}

}  // namespace

const policy::Policies& policies_of(const Exchange& x) {
  return x.record.route != nullptr ? *x.record.route->policies : *x.service.policies;
}

http::HeaderChanges request_changes(Exchange& x) {
  const std::string_view more = x.permission ? std::string_view(x.permission->backend_lines) : std::string_view();
  return make(x, policies_of(x).request_headers, {&x.head.headers, x.admitted.options}, more);
}

http::HeaderChanges response_changes(Exchange& x, const http::Headers* headers) {
  const policy::Policies& policies = policies_of(x);
  const std::string_view more = policies.cors.empty() ? std::string_view() : cors_lines(x, policies.cors);
  return make(x, policies.response_headers, {headers, kNoOptions}, x.limit_lines.empty() ? more : x.arena().join({more, x.limit_lines}));
}

}  // namespace cardea::l7::proxy
