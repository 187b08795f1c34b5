#include "l7/http/fields.h"

#include <algorithm>
#include <limits>

#include "l7/http/byte_set.h"

namespace cardea::l7::http {
namespace {

// The length of the element at the beginning: up to a comma outside quotes.
size_t element_size(std::string_view list) {
  bool quoted = false;
  for (size_t i = 0; i < list.size(); ++i) {
    if (quoted && list[i] == '\\') {
      ++i;
    } else if (list[i] == '"') {
      quoted = !quoted;
    } else if (list[i] == ',' && !quoted) {
      return i;
    }
  }
  return list.size();
}

}  // namespace

bool equal_without_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

std::string_view trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

bool is_token(std::string_view text) {
  return !text.empty() && kTokenBytes.holds_all(text);
}

bool same_letters(std::string_view a, std::string_view b) {
  const auto is_one = [](char c) {
    return is_alpha(static_cast<unsigned char>(c)) || is_digit(static_cast<unsigned char>(c));
  };
  for (;;) {
    while (!a.empty() && !is_one(a.front())) a.remove_prefix(1);
    while (!b.empty() && !is_one(b.front())) b.remove_prefix(1);
    if (a.empty() || b.empty()) return a.empty() && b.empty();
    if (lower(a.front()) != lower(b.front())) return false;
    a.remove_prefix(1), b.remove_prefix(1);
  }
}

std::optional<uint64_t> parse_decimal(std::string_view digits) {
  if (digits.empty() || digits.size() > 19) return {};
  uint64_t value = 0;
  for (const char c : digits) {
    if (!is_digit(static_cast<unsigned char>(c))) return {};
    value = value * 10 + uint64_t(c - '0');
  }
  if (value > uint64_t(std::numeric_limits<int64_t>::max())) return {};
  return value;
}

std::optional<uint32_t> parse_seconds(std::string_view digits) {
  constexpr uint32_t kLargest = 1u << 31;
  if (digits.empty()) return {};
  uint64_t value = 0;
  for (const char c : digits) {
    if (!is_digit(static_cast<unsigned char>(c))) return {};
    value = std::min<uint64_t>(value * 10 + uint64_t(c - '0'), kLargest);
  }
  return uint32_t(value);
}

std::optional<std::string_view> next_element(std::string_view& list) {
  while (!list.empty()) {
    const size_t size = element_size(list);
    const std::string_view element = trim(list.substr(0, size));
    list.remove_prefix(std::min(size + 1, list.size()));
    if (!element.empty()) return element;
  }
  return {};
}

std::string_view unquoted(std::string_view text) {
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return text;
  return text.substr(1, text.size() - 2);
}

}  // namespace cardea::l7::http
