#include "conf/wide_numbers.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>

#include "conf/lexer.h"

namespace cardea::conf {
namespace {

constexpr size_t kDigitsSafe = 7;  // of any base: up to 28 bits

bool digit(char c) {
  return c >= '0' && c <= '9';
}
bool hex_digit(char c) {
  return digit(c) || ((c | 32) >= 'a' && (c | 32) <= 'f');
}
bool of_word(char c) {
  return digit(c) || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_' || c == '-' || c == '*' || c == '.';
}

// A run of more digits than are safe has one at every so manieth place, so few places have to be looked at.
bool may_have_some(std::string_view text) {
  for (size_t at = kDigitsSafe; at < text.size(); at += kDigitsSafe + 1) {
    if (!hex_digit(text[at])) continue;
    size_t first = at, behind = at;
    while (first > 0 && hex_digit(text[first - 1])) --first;
    while (behind < text.size() && hex_digit(text[behind])) ++behind;
    const bool quoted = first > 0 && text[first - 1] == '"';  // a seed, say
    if (behind - first > kDigitsSafe && !quoted) return true;
  }
  return false;
}

struct Number {
  size_t length = 0;  // of its text, an L included; 0: this is no whole number
  bool wide = false;
  std::string anew;
};

// The word at the beginning of `rest`, which begins with a digit or a sign before one.
Number number_at(std::string_view rest) {
  const size_t sign = rest[0] == '-' || rest[0] == '+' ? 1 : 0;
  const bool hex = sign == 0 && rest.size() > 2 && rest[0] == '0' && (rest[1] | 32) == 'x';
  const size_t first = hex ? 2 : sign;
  const auto end = std::find_if_not(rest.begin() + first, rest.end(), hex ? hex_digit : digit);
  const std::string_view digits(rest.begin() + first, end);
  size_t length = first + digits.size();
  const size_t marks = std::min(rest.find_first_not_of('L', length), rest.size()) - length;
  length += marks;
  if (digits.empty() || marks > 2 || (length < rest.size() && of_word(rest[length]))) return {};
  uint64_t value = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value, hex ? 16 : 10);
  const bool fits = read.ec == std::errc{} && value <= uint64_t(std::numeric_limits<int64_t>::max());
  const auto shown = fits ? int64_t(value) : std::numeric_limits<int64_t>::max();
  const bool wide = !fits || (marks == 0 && value > uint64_t(std::numeric_limits<int32_t>::max()));
  return {length, wide, (rest[0] == '-' ? "-" : "") + std::to_string(shown) + "L"};
}

// Of one line: an array has numbers of one kind only, so one that is wide widens the others beside it.
std::string line_anew(std::string_view line, Lexer& lexer) {
  std::string out;
  bool any = false, in_word = false;
  for (size_t i = 0; i < line.size(); ++i) {
    const std::string_view rest = line.substr(i);
    const bool begins = !in_word && lexer.plain() && (digit(rest[0]) || rest[0] == '-' || rest[0] == '+');
    const Number number = begins ? number_at(rest) : Number{};
    if (number.length > 0) {
      out.append(number.anew);
      any |= number.wide;
      i += number.length - 1;
      continue;
    }
    in_word = lexer.plain() && of_word(rest[0]);
    const size_t more = lexer.step(rest);
    out.append(rest.substr(0, more + 1));
    i += more;
  }
  lexer.end_line();
  return any ? out : std::string(line);
}

}  // namespace

std::string digits_beyond_64_bits(std::string_view line) {
  constexpr size_t kDigitsThatFit = 18, kShown = 40;
  for (size_t at = 0; at < line.size(); ++at) {
    const size_t end = std::min(line.find_first_not_of("0123456789abcdefABCDEFx", at), line.size());
    if (digit(line[at]) && end - at > kDigitsThatFit) {
      const size_t sign = at > 0 && line[at - 1] == '-' ? 1 : 0;
      return std::string(line.substr(at - sign, std::min(end - at + sign, kShown))) + (end - at > kShown ? "…" : "");
    }
    at = std::max(at, end);
  }
  return {};
}

std::optional<std::string> with_wide_numbers(std::string_view text) {
  if (!may_have_some(text)) return std::nullopt;
  std::string out;
  Lexer lexer;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    out.append(line_anew(text.substr(at, end - at), lexer)).push_back('\n');
    at = end + 1;
  }
  return out;
}

}  // namespace cardea::conf
