#include "l7/http/entity_tag.h"

#include <algorithm>

#include "l7/http/fields.h"

namespace cardea::l7::http {
namespace {

bool is_opaque_byte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte == 0x21 || (byte >= 0x23 && byte != 0x7f);
}

// The tag a list begins with; backslashes escape nothing here, so a comma may stand in a tag.
std::optional<EntityTag> take_tag(std::string_view& list) {
  EntityTag tag;
  tag.weak = list.starts_with("W/");
  std::string_view rest = list.substr(tag.weak ? 2 : 0);
  if (!rest.starts_with('"')) return {};
  const size_t close = rest.find('"', 1);
  if (close == rest.npos) return {};
  tag.opaque = rest.substr(0, close + 1);
  if (!std::all_of(rest.begin() + 1, rest.begin() + ptrdiff_t(close), is_opaque_byte)) return {};
  list = rest.substr(close + 1);
  return tag;
}

}  // namespace

std::optional<EntityTag> parse_entity_tag(std::string_view text) {
  const auto tag = take_tag(text);
  if (!text.empty()) return {};
  return tag;
}

bool list_holds_text(std::string_view list, std::string_view text) {
  while (const auto element = next_element(list)) {
    if (*element == text) return true;
  }
  return false;
}

bool list_holds(std::string_view list, const EntityTag& tag) {
  list = trim(list);
  if (list == "*") return true;
  bool found = false;
  while (!list.empty()) {
    const auto element = take_tag(list);
    if (!element) return false;
    found = found || weakly_equal(*element, tag);
    list = trim(list);
    if (!list.empty() && list.front() != ',') return false;
    while (list.starts_with(',')) list = trim(list.substr(1));
  }
  return found;
}

}  // namespace cardea::l7::http
