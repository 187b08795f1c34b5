#include "l7/http2/block_rules.h"

#include <algorithm>

#include "l7/http/fields.h"

namespace cardea::l7::http2 {

http::Fault judge_field(const Field& field) {
  const std::string_view name = field.name.starts_with(':') ? field.name.substr(1) : field.name;
  if (!http::is_token(name)) return http::Fault::kHeaderName;
  const auto ends_text = [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7f; };
  return std::ranges::any_of(field.value, ends_text) ? http::Fault::kControlByte : http::Fault::kNone;
}

}  // namespace cardea::l7::http2
