#include "l7/http/accept_encoding.h"

#include <optional>

#include "l7/http/byte_set.h"
#include "l7/http/fields.h"

namespace cardea::l7::http {
namespace {

constexpr uint16_t kAll = 1000;

// "0.25", "1.0": at most three digits behind the point.
std::optional<uint16_t> parse_weight(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return std::nullopt;
  uint16_t value = text[0] == '1' ? kAll : 0;
  if (text.size() == 1) return value;
  if (text[1] != '.') return std::nullopt;
  uint16_t unit = 100;
  for (const char c : text.substr(2)) {
    if (!is_digit(static_cast<unsigned char>(c))) return std::nullopt;
    value = uint16_t(value + (c - '0') * unit);
    unit /= 10;
  }
  return value <= kAll ? std::optional(value) : std::nullopt;
}

struct Wish {
  std::string_view coding;
  uint16_t quality = kAll;
};

// "br", "gzip ; q=0.5".
std::optional<Wish> parse_wish(std::string_view element) {
  const size_t semicolon = element.find(';');
  const Wish wish{trim(element.substr(0, semicolon))};
  if (!is_token(wish.coding)) return std::nullopt;
  if (semicolon == element.npos) return wish;
  const std::string_view parameter = trim(element.substr(semicolon + 1));
  if (parameter.size() < 2 || lower(parameter[0]) != 'q' || parameter[1] != '=') return std::nullopt;
  const auto weight = parse_weight(parameter.substr(2));
  if (!weight) return std::nullopt;
  return Wish{wish.coding, *weight};
}

bool names(std::string_view wished, std::string_view coding) {
  if (equal_without_case(wished, coding)) return true;
  return coding == "gzip" && equal_without_case(wished, "x-gzip");
}

}  // namespace

uint16_t quality(const Headers& request, std::string_view coding) {
  std::optional<uint16_t> any;
  for (const Header& header : request) {
    if (header.id() != HeaderId::kAcceptEncoding) continue;
    std::string_view list = header.value();
    while (const auto element = next_element(list)) {
      const auto wish = parse_wish(*element);
      if (!wish) continue;
      if (names(wish->coding, coding)) return wish->quality;
      if (wish->coding == "*" && !any) any = wish->quality;
    }
  }
  return any.value_or(0);
}

}  // namespace cardea::l7::http
