// A text of an operator's as it stands in a header's parameter.
#pragma once

#include <string>
#include <string_view>

namespace cardea::l7::policy {

// RFC 9110 5.6.4.
inline std::string quoted_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

}  // namespace cardea::l7::policy
