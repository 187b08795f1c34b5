#include "l7/http/cache_control.h"

#include <algorithm>

#include "l7/http/fields.h"

namespace cardea::l7::http {
namespace {

struct Flag {
  std::string_view name;
  bool CacheControl::* member;
};
constexpr Flag kFlags[] = {{"no-store", &CacheControl::no_store},
                           {"no-cache", &CacheControl::no_cache},
                           {"private", &CacheControl::is_private},
                           {"public", &CacheControl::is_public},
                           {"must-revalidate", &CacheControl::must_revalidate},
                           {"proxy-revalidate", &CacheControl::proxy_revalidate},
                           {"no-transform", &CacheControl::no_transform},
                           {"only-if-cached", &CacheControl::only_if_cached},
                           {"immutable", &CacheControl::immutable},
                           {"must-understand", &CacheControl::must_understand}};

struct Seconds {
  std::string_view name;
  std::optional<uint32_t> CacheControl::* member;
  bool larger_is_stricter = false;
};
constexpr Seconds kSeconds[] = {{"max-age", &CacheControl::max_age},
                                {"s-maxage", &CacheControl::s_maxage},
                                {"min-fresh", &CacheControl::min_fresh, true},
                                {"max-stale", &CacheControl::max_stale},
                                {"stale-while-revalidate", &CacheControl::stale_while_revalidate},
                                {"stale-if-error", &CacheControl::stale_if_error}};

// A number that is none: the strictest there is (RFC 9111 4.2.1 encourages to take it as stale).
uint32_t seconds_or_strictest(std::string_view value, const Seconds& row) {
  const auto seconds = parse_seconds(unquoted(value));
  if (seconds) return *seconds;
  return row.larger_is_stricter ? UINT32_MAX : 0;
}

void add_directive(std::string_view name, std::string_view value, bool has_value, CacheControl& out) {
  for (const Flag& row : kFlags) {
    if (equal_without_case(name, row.name)) out.*row.member = true;
  }
  if (!has_value && equal_without_case(name, "max-stale")) {
    out.any_staleness = true;
    return;
  }
  for (const Seconds& row : kSeconds) {
    if (!equal_without_case(name, row.name)) continue;
    std::optional<uint32_t>& kept = out.*row.member;
    const uint32_t seconds = seconds_or_strictest(value, row);
    if (!kept) {
      kept = seconds;
    } else {
      kept = row.larger_is_stricter ? std::max(*kept, seconds) : std::min(*kept, seconds);
    }
  }
}

}  // namespace

void CacheControl::add(std::string_view field_value) {
  while (const auto element = next_element(field_value)) {
    const size_t equals = element->find('=');
    const bool has_value = equals != element->npos;
    const std::string_view value = has_value ? trim(element->substr(equals + 1)) : std::string_view();
    add_directive(trim(element->substr(0, equals)), value, has_value, *this);
  }
}

CacheControl cache_control(const Headers& headers) {
  CacheControl control;
  for (const Header& header : headers) {
    if (header.id() == HeaderId::kCacheControl) control.add(header.value());
  }
  return control;
}

}  // namespace cardea::l7::http
