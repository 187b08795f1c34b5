#include "l7/waf/caps.h"

#include <algorithm>
#include <cctype>
#include <string>

#include "l7/waf/disposition.h"

namespace cardea::l7::waf {
namespace {

bool contains_word(std::string_view text, std::string_view word) {
  const auto same = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
  return std::search(text.begin(), text.end(), word.begin(), word.end(), same) != text.end();
}

char small(char c) {
  return char(std::tolower(static_cast<unsigned char>(c)));
}

bool begins_with(std::string_view text, std::string_view small_letters) {
  return text.size() >= small_letters.size() &&
         std::ranges::equal(text.substr(0, small_letters.size()), small_letters, {}, small);
}

// application/WORD+json, and behind it anything.
bool is_other_json(std::string_view type) {
  constexpr std::string_view kBegin = "application/";
  if (!begins_with(type, kBegin)) return false;
  type.remove_prefix(kBegin.size());
  const size_t plus = type.find('+');
  return plus != 0 && plus != std::string_view::npos && begins_with(type.substr(plus), "+json");
}

bool is_xml(std::string_view type) {
  return begins_with(type, "application/xml") || begins_with(type, "application/soap+xml") || begins_with(type, "text/xml");
}

// The engine takes blanks in front of "=", and those behind it for the boundary's own; how the name is spelled matters
// to it alone, and not to backends. Where a value has blanks inside, its beginning finds no fewer parts.
std::string_view boundary_of(std::string_view content_type) {
  constexpr std::string_view kName = "boundary", kBlanks = " \t";
  const auto name = std::ranges::search(content_type, kName, {}, small);
  std::string_view value(name.end(), content_type.end());
  value.remove_prefix(std::min(value.find_first_not_of(kBlanks), value.size()));
  if (!value.starts_with('=')) return {};
  value.remove_prefix(1);
  if (value.starts_with('"')) return value.substr(1, value.find('"', 1) - 1);
  const size_t begin = value.find_first_not_of(kBlanks);
  return begin == std::string_view::npos ? std::string_view() : value.substr(0, value.find_first_of("; \t", begin));
}

// In front of each part; empty: there is no boundary.
std::string delimiter_of(std::string_view content_type) {
  const std::string_view boundary = boundary_of(content_type);
  return boundary.empty() ? std::string() : "--" + std::string(boundary);
}

// Where it stands next at a line's start, which alone delimits.
size_t find_delimiter(std::string_view text, std::string_view delimiter, size_t from) {
  size_t at = text.find(delimiter, from);
  while (at != std::string_view::npos && at != 0 && text[at - 1] != '\n') at = text.find(delimiter, at + 1);
  return at;
}

// Of each part its head, and all of it.
template <typename Each>
void each_part(std::string_view text, std::string_view delimiter, Each&& each) {
  for (size_t at = find_delimiter(text, delimiter, 0); at != std::string_view::npos;) {
    const size_t begin = at + delimiter.size();
    at = find_delimiter(text, delimiter, begin);
    const std::string_view part = text.substr(begin, at == std::string_view::npos ? at : at - begin);
    if (part.starts_with("--")) return;
    each(part.substr(0, part.find("\r\n\r\n")), part);
  }
}

// The end of the string that begins at `at`, a quote.
size_t string_end(std::string_view text, size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at)
    if (text[at] == '\\') ++at;
  return std::min(at, text.size());
}

void count_between(Arguments& to, std::string_view text, char separator) {
  while (!text.empty()) {
    const size_t end = std::min(text.find(separator), text.size());
    to.add(end);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

// What begins with `begin` at the start of `text`, up to and with `end`.
size_t section(std::string_view text, std::string_view begin, std::string_view end) {
  if (!text.starts_with(begin)) return 0;
  const size_t at = text.find(end, begin.size());
  return at == std::string_view::npos ? text.size() : at + end.size();
}

// A tag, whose quoted strings are counted: the byte behind it.
size_t count_tag(Arguments& to, std::string_view text, size_t at) {
  while (++at < text.size() && text[at] != '>') {
    if (text[at] != '"' && text[at] != '\'') continue;
    const size_t end = std::min(text.find(text[at], at + 1), text.size());
    to.add(end - at);
    at = end;
  }
  return std::min(at + 1, text.size());
}

}  // namespace

void count_pairs(Arguments& to, std::string_view text) {
  count_between(to, text, '&');
}

void count_cookies(Arguments& to, std::string_view text) {
  count_between(to, text, ';');
}

void count_xml(Arguments& to, std::string_view text) {
  size_t characters = 0;
  for (size_t at = 0; at < text.size();) {
    const std::string_view rest = text.substr(at);
    if (rest[0] != '<') ++characters, ++at;
    else if (const size_t data = section(rest, "<![CDATA[", "]]>")) characters += data, at += data;
    else if (const size_t comment = section(rest, "<!--", "-->")) at += comment;
    else at = count_tag(to, text, at);
  }
  to.add(characters);
}

// A name and its value are counted as one where a colon stands between them; what else stands between commas and
// brackets is one too.
void count_json(Arguments& to, std::string_view text) {
  size_t run = 0;
  const auto end_run = [&] {
    if (run > 0) to.add(run);
    run = 0;
  };
  for (size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '"') {
      const size_t end = string_end(text, at);
      run += end - at;
      at = end;
    } else if (c == ',' || c == '[' || c == '{' || c == ']' || c == '}') {
      end_run();
    } else if (c != ' ' && c != '\n' && c != '\r' && c != '\t') {
      ++run;
    }
  }
  end_run();
}

void count_parts(Arguments& to, std::string_view text, std::string_view content_type) {
  const std::string delimiter = delimiter_of(content_type);
  if (delimiter.empty()) return to.add(text.size());
  each_part(text, delimiter, [&to](std::string_view head, std::string_view part) {
    const Disposition disposition = read_disposition(head);
    to.add(disposition.clear && disposition.file ? head.size() : part.size());
  });
}

bool names_a_file_twice(std::string_view text, std::string_view content_type) {
  if (!contains_word(content_type, "multipart")) return false;
  const std::string delimiter = delimiter_of(content_type);
  bool found = false;
  if (!delimiter.empty())
    each_part(text, delimiter, [&found](std::string_view head, std::string_view) {
      const Disposition disposition = read_disposition(head);
      found |= disposition.clear ? disposition.extended : contains_word(head, "filename*");
    });
  return found;
}

std::string missing_end(std::string_view text, std::string_view content_type) {
  const std::string delimiter = begins_with(content_type, "multipart/form-data") ? delimiter_of(content_type) : std::string();
  if (delimiter.empty()) return {};
  const std::string end = delimiter + "--";
  return find_delimiter(text, end, 0) == std::string_view::npos ? "\r\n" + end + "\r\n" : std::string();
}

void count_body(Arguments& to, std::string_view text, std::string_view content_type) {
  if (text.empty()) return;
  if (begins_with(content_type, "application/json") || is_other_json(content_type)) return count_json(to, text);
  if (is_xml(content_type)) return count_xml(to, text);
  if (begins_with(content_type, "multipart/form-data")) return count_parts(to, text, content_type);
  const bool none = content_type.find_first_not_of(" \t") == std::string_view::npos;
  if (none || begins_with(content_type, "application/x-www-form-urlencoded")) return count_pairs(to, text);
}

}  // namespace cardea::l7::waf
