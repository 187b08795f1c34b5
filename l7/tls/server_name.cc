#include "l7/tls/server_name.h"

#include <cstddef>
#include <cstdint>

namespace cardea::l7::tls {
namespace {

constexpr size_t kNameBytesMax = 255;

// The bytes behind a length of two bytes; empty where they are not all there, or more than them.
std::string_view whole(std::string_view text) {
  if (text.size() < 2) return {};
  const size_t length = size_t{static_cast<uint8_t>(text[0])} << 8 | static_cast<uint8_t>(text[1]);
  text.remove_prefix(2);
  return text.size() == length ? text : std::string_view();
}

}  // namespace

// A list of one name: no other kind was ever defined, so there is no list of two.
std::string_view host_name_of(std::string_view extension) {
  std::string_view list = whole(extension);
  if (list.empty() || list.front() != 0) return {};
  list.remove_prefix(1);
  const std::string_view name = whole(list);
  return name.size() <= kNameBytesMax && name.find('\0') == name.npos ? name : std::string_view();
}

}  // namespace cardea::l7::tls
