// Entity tags (RFC 9110 8.8.3) and the lists of them in If-Match and If-None-Match.
#pragma once

#include <optional>
#include <string_view>

namespace cardea::l7::http {

struct EntityTag {
  std::string_view opaque;  // with its quotes
  bool weak = false;
};

std::optional<EntityTag> parse_entity_tag(std::string_view text);
inline bool weakly_equal(const EntityTag& a, const EntityTag& b) {
  return a.opaque == b.opaque;
}
inline bool strongly_equal(const EntityTag& a, const EntityTag& b) {
  return !a.weak && !b.weak && a.opaque == b.opaque;
}

// What some backends send for one ("abc" without its quotes) is compared as it is, never as part of something else.
bool list_holds_text(std::string_view list, std::string_view text);

// Whether a list such as If-None-Match's holds the tag, compared weakly; "*" holds every tag. A malformed list holds
// none.
bool list_holds(std::string_view list, const EntityTag& tag);

}  // namespace cardea::l7::http
