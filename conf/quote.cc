#include "conf/quote.h"

#include <fmt/format.h>

namespace cardea::conf {
namespace {

std::string escape(char c) {
  const auto byte = static_cast<unsigned char>(c);
  switch (c) {
    case '"':
      return "\\\"";
    case '\\':
      return "\\\\";
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default:
      return byte < 0x20 || byte == 0x7f ? fmt::format("\\x{:02x}", byte) : std::string(1, c);
  }
}

}  // namespace

std::string text_literal(std::string_view text) {
  std::string out = "\"";
  for (char c : text) out += escape(c);
  return out += '"';
}

std::string in_quotes(std::string_view text) {
  constexpr size_t kShown = 60;
  if (text.size() <= kShown) return text_literal(text);
  return text_literal(std::string(text.substr(0, kShown - 1)) + "…");
}

}  // namespace cardea::conf
