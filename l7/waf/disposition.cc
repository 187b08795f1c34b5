#include "l7/waf/disposition.h"

#include <algorithm>
#include <optional>

namespace cardea::l7::waf {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

bool same(std::string_view text, std::string_view small_letters) {
  return std::ranges::equal(text, small_letters, [](char a, char b) { return (a >= 'A' && a <= 'Z' ? char(a | 32) : a) == b; });
}

std::string_view without_blanks(std::string_view text) {
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

// Takes a line off, with those that go on with it (obs-fold).
std::string_view next_line(std::string_view& head) {
  size_t end = head.find('\n');
  while (end != std::string_view::npos && end + 1 < head.size() && (head[end + 1] == ' ' || head[end + 1] == '\t'))
    end = head.find('\n', end + 1);
  const std::string_view line = head.substr(0, end);
  head.remove_prefix(end == std::string_view::npos ? head.size() : end + 1);
  return line;
}

// Its value; nothing: there is none, or there are several.
std::optional<std::string_view> single_value(std::string_view head) {
  std::optional<std::string_view> found;
  while (!head.empty()) {
    const std::string_view line = next_line(head);
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos || !same(without_blanks(line.substr(0, colon)), "content-disposition")) continue;
    if (found) return {};
    found = line.substr(colon + 1);
  }
  return found;
}

// Takes a quoted string off, of which a backslash makes the next byte an ordinary one. False: it does not end.
bool skip_quoted(std::string_view& text) {
  for (size_t at = 1; at < text.size(); ++at) {
    if (text[at] == '\\') ++at;
    else if (text[at] == '"') return text.remove_prefix(at + 1), true;
  }
  return false;
}

// Takes a parameter's value off, up to the next semicolon. False: readers differ in what it is. RFC 5987's has quotes.
bool skip_value(std::string_view& text, bool extended) {
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  const bool quoted = text.starts_with('"');
  if (quoted && !skip_quoted(text)) return false;
  const std::string_view rest = without_blanks(text.substr(0, text.find(';')));
  const char* const strange = extended ? "\"\\ \t\r\n=" : "\"'\\ \t\r\n=";
  if (quoted ? !rest.empty() : rest.find_first_of(strange) != std::string_view::npos) return false;
  text.remove_prefix(std::min(text.find(';'), text.size()));
  return true;
}

}  // namespace

Disposition read_disposition(std::string_view head) {
  Disposition is;
  const auto value = single_value(head);
  if (!value) return is;
  std::string_view left = value->substr(std::min(value->find(';'), value->size()));
  while (!left.empty()) {
    left.remove_prefix(1);
    if (without_blanks(left).empty()) break;
    const size_t equals = left.find('=');
    if (equals == std::string_view::npos) return is;
    const std::string_view name = without_blanks(left.substr(0, equals));
    if (name.empty() || name.find_first_of("\"'\\; \t\r\n") != std::string_view::npos) return is;
    const bool extended = same(name, "filename*");
    is.file |= same(name, "filename");
    is.extended |= extended;
    left.remove_prefix(equals + 1);
    if (!skip_value(left, extended)) return is;
  }
  is.clear = true;
  return is;
}

}  // namespace cardea::l7::waf
