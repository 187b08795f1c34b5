#include "l7/route/conditions.h"

#include <algorithm>

#include "l7/http/fields.h"
#include "l7/http/pairs.h"

namespace cardea::l7::route {
namespace {

using Rule = Condition::Rule;

bool has_header(const http::RequestHead& head, const Condition& condition) {
  if (condition.id != http::HeaderId::kOther && !head.headers.has(condition.id)) return false;
  for (const http::Header& header : head.headers) {
    if (header.id() != condition.id) continue;
    const bool numbered = condition.id != http::HeaderId::kOther && condition.id != http::HeaderId::kLookAlike;
    if (!numbered && !http::equal_without_case(header.name(), condition.name)) continue;
    if (condition.fits(header.value())) return true;
  }
  return false;
}

// "a=1;b=2", as what is separated by `separator`.
bool has_pair(std::string_view pairs, char separator, const Condition& condition) {
  while (const auto pair = http::next_pair(pairs, separator))
    if (pair->name == condition.name && condition.fits(pair->value)) return true;
  return false;
}

bool has_cookie(const http::RequestHead& head, const Condition& condition) {
  if (!head.headers.has(http::HeaderId::kCookie)) return false;
  return std::ranges::any_of(head.headers, [&condition](const http::Header& header) {
    return header.id() == http::HeaderId::kCookie && has_pair(header.value(), ';', condition);
  });
}

// Each of them, by what is there of it.
template <typename Has>
bool all_hold(const std::vector<Condition>& conditions, Has has) {
  return std::ranges::all_of(
      conditions, [&has](const Condition& condition) { return has(condition) == (condition.rule != Rule::kAbsent); });
}

// What a list holds whose lengths do not fit is not looked at.
bool offers(std::string_view list, std::string_view protocol) {
  while (!list.empty()) {
    const size_t size = uint8_t(list.front());
    if (list.size() - 1 < size) return false;
    if (list.substr(1, size) == protocol) return true;
    list.remove_prefix(1 + size);
  }
  return false;
}

}  // namespace

bool Condition::fits(std::string_view value) const {
  switch (rule) {
    case Rule::kPresent:
    case Rule::kAbsent:
      return true;
    case Rule::kExact:
      return value == text;
    case Rule::kPrefix:
      return value.starts_with(text);
    case Rule::kPattern:
      return pattern->matches(value);
  }
  return false;
}

size_t Conditions::count() const {
  return !methods.empty() + headers.size() + query.size() + cookies.size() + !clients.empty() + !alpn.empty();
}

bool Conditions::hold(const Asked& asked) const {
  const auto covers = [&asked](const Prefix& prefix) { return prefix.contains(asked.client); };
  const auto offered = [&asked](const std::string& protocol) { return offers(asked.alpn, protocol); };
  return (clients.empty() || std::ranges::any_of(clients, covers)) &&
         (alpn.empty() || std::ranges::any_of(alpn, offered)) &&
         (asked.head != nullptr ? hold_of(*asked.head)
                                : methods.empty() && headers.empty() && query.empty() && cookies.empty());
}

bool Conditions::hold_of(const http::RequestHead& head) const {
  return (methods.empty() || std::ranges::find(methods, head.method_text) != methods.end()) &&
         all_hold(headers, [&head](const Condition& one) { return has_header(head, one); }) &&
         all_hold(query, [&head](const Condition& one) { return has_pair(head.query, '&', one); }) &&
         all_hold(cookies, [&head](const Condition& one) { return has_cookie(head, one); });
}

}  // namespace cardea::l7::route
