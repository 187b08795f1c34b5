// "Name: text", as an operator writes a header that is to be set; and the names that cannot be, because they say where
// a message ends or belong to the connection.
#pragma once

#include <string_view>

#include "base/template.h"

namespace cardea {

struct HeaderLine {
  std::string_view name;
  Template value;
};

// Refuses names that are none or not to be set, and values with a control character in them.
Result<HeaderLine> read_header_line(std::string_view line, Moment moment);
// Of a header that may be removed.
Result<> check_header_name(std::string_view name);

}  // namespace cardea
