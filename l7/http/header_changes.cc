#include "l7/http/header_changes.h"

#include <algorithm>

#include "l7/http/fields.h"

namespace cardea::l7::http {
namespace {

// 1 to 36 of letters and digits; 0: neither.
unsigned rank(char c) {
  if (c >= '0' && c <= '9') return unsigned(c - '0') + 1;
  const char small = char(c | 0x20);
  return small >= 'a' && small <= 'z' ? unsigned(small - 'a') + 11 : 0;
}

uint64_t first_bit(std::string_view name) {
  for (const char c : name)
    if (rank(c) != 0) return uint64_t{1} << rank(c);
  return 1;
}

}  // namespace

// Look-alikes of names that are known by number are not sent on anyway (HeaderId::kLookAlike).
void NameSet::add(std::string_view name) {
  if (const HeaderId id = header_id(name); id != HeaderId::kOther) ids_ |= bit(id);
  names_.push_back({std::string(name), false});
  first_ |= first_bit(name);
}

void NameSet::add_look_alikes(std::string_view name) {
  names_.push_back({std::string(name), true});
  first_ |= first_bit(name);
}

bool NameSet::names(std::string_view name) const {
  return std::ranges::any_of(names_, [name](const Name& one) { return !one.spared && same_letters(name, one.text); });
}

bool NameSet::has_other(std::string_view name) const {
  if (!(first_ & first_bit(name))) return false;
  for (const Name& one : names_)
    if (same_letters(name, one.text) && !(one.spared && equal_without_case(name, one.text))) return true;
  return false;
}

}  // namespace cardea::l7::http
