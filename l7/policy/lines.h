// Files that operators keep line by line.
#pragma once

#include <algorithm>
#include <string_view>

#include "l7/http/fields.h"

namespace cardea::l7::policy {

// The next one, without its end and what is blank around it.
inline std::string_view take_line(std::string_view& text) {
  const size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return http::trim(line);
}

}  // namespace cardea::l7::policy
