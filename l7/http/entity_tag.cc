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

// Empty elements of a list say nothing (RFC 9110 5.6.1.2).
std::string_view behind_commas(std::string_view list) {
  list = trim(list);
  while (list.starts_with(',')) list = trim(list.substr(1));
  return list;
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
  if (trim(list) == "*") return true;
  while (!(list = behind_commas(list)).empty()) {
    const auto element = take_tag(list);
    const bool ends = trim(list).empty() || trim(list).front() == ',';
    if (element && ends && weakly_equal(*element, tag)) return true;
    list.remove_prefix(std::min(list.find(','), list.size()));  // what is no tag is passed over
  }
  return false;
}

}  // namespace cardea::l7::http
