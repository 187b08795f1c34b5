#include "l7/http/trailers.h"

#include <algorithm>

#include "l7/http/fields.h"
#include "l7/http/header_id.h"

namespace cardea::l7::http {

bool may_be_trailer(std::string_view name) {
  constexpr std::string_view kContent = "content-";
  if (equal_without_case(name, "content-digest")) return true;  // which is known behind the body only (RFC 9530 6.4)
  return !same_letters(name.substr(0, kContent.size()), kContent) && header_id(name) == HeaderId::kOther &&
         look_alike_of(name) == HeaderId::kOther;
}

TrailerField next_trailer(std::string_view& section) {
  const size_t end = std::min(section.find('\n'), section.size() - 1) + 1;
  std::string_view line = section.substr(0, end);
  section.remove_prefix(end);
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  const size_t colon = std::min(line.find(':'), line.size());
  return {trim(line.substr(0, colon)), trim(line.substr(std::min(colon + 1, line.size())))};
}

}  // namespace cardea::l7::http
