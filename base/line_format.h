// The form of an access log's lines: JSON, or text in which ${name} stands for a field, as in texts with variables
// (template.h), and $${ for these two characters. "json", "clf", "combined" and "httplog" are forms that others read.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "base/exchange_field.h"

namespace cardea {

inline constexpr size_t kFormatBytesMax = 2048, kFormatFieldsMax = 64;

struct LineFormat {
  struct Piece {
    std::string before;  // what stands before the field: of JSON the field's name
    ExchangeField field;
  };
  bool json = false;
  std::vector<Piece> pieces;
  std::string after;
};

// `text`: a form's name or a form of its own.
std::expected<LineFormat, TextMistake> parse_line_format(std::string_view text);
const std::vector<std::string>& format_names();

}  // namespace cardea
