#include "l7/waf/caps.h"

#include <algorithm>
#include <cctype>
#include <string>

namespace cardea::l7::waf {
namespace {

bool contains_word(std::string_view text, std::string_view word) {
  const auto same = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
  return std::search(text.begin(), text.end(), word.begin(), word.end(), same) != text.end();
}

std::string_view boundary_of(std::string_view content_type) {
  size_t at = std::string_view::npos;
  for (const std::string_view spelling : {"boundary=", "Boundary=", "BOUNDARY="})
    if (at == std::string_view::npos) at = content_type.find(spelling);
  if (at == std::string_view::npos) return {};
  std::string_view value = content_type.substr(at + 9);
  if (value.starts_with('"')) return value.substr(1, value.find('"', 1) - 1);
  return value.substr(0, value.find_first_of("; \t"));
}

// In front of each part; empty: there is no boundary.
std::string delimiter_of(std::string_view content_type) {
  const std::string_view boundary = boundary_of(content_type);
  return boundary.empty() ? std::string() : "--" + std::string(boundary);
}

// Of each part its head, and all of it.
template <typename Each>
void each_part(std::string_view text, std::string_view delimiter, Each&& each) {
  for (size_t at = text.find(delimiter); at != std::string_view::npos;) {
    const size_t begin = at + delimiter.size();
    at = text.find(delimiter, begin);
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

}  // namespace

void count_pairs(Arguments& to, std::string_view text) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('&'), text.size());
    to.add(end);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
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
    to.add(contains_word(head, "filename") ? head.size() : part.size());
  });
}

bool names_a_file_twice(std::string_view text, std::string_view content_type) {
  if (!contains_word(content_type, "multipart")) return false;
  const std::string delimiter = delimiter_of(content_type);
  bool found = false;
  if (!delimiter.empty())
    each_part(text, delimiter, [&found](std::string_view head, std::string_view) { found |= contains_word(head, "filename*"); });
  return found;
}

void count_body(Arguments& to, std::string_view text, std::string_view content_type) {
  if (text.empty()) return;
  if (contains_word(content_type, "json")) return count_json(to, text);
  if (contains_word(content_type, "multipart")) return count_parts(to, text, content_type);
  if (contains_word(content_type, "x-www-form-urlencoded")) return count_pairs(to, text);
}

}  // namespace cardea::l7::waf
