#include "base/line_format.h"

#include <algorithm>
#include <utility>

namespace cardea {
namespace {

constexpr std::pair<std::string_view, std::string_view> kNamed[] = {
    {"clf", "${client_address} - ${user} [${clf_time}] \"${request}\" ${status} ${bytes_out}"},
    {"combined",
     "${client_address} - ${user} [${clf_time}] \"${request}\" ${status} ${bytes_out} \"${referer}\" \"${user_agent}\""},
    {"httplog",
     "${client_address}:${client_port} [${haproxy_time}] ${haproxy_frontend} ${haproxy_server} ${haproxy_timers} "
     "${status} ${bytes_out} - - ${haproxy_state} ${haproxy_counts} \"${haproxy_request}\""}};

LineFormat json_format() {
  LineFormat format{.json = true, .pieces = {}, .after = {}};
  for (const ExchangeFieldRow& row : exchange_fields())
    if (row.in_json) format.pieces.push_back({"\"" + std::string(row.name) + "\":", row.field});
  return format;
}

std::unexpected<TextMistake> mistake(size_t at, std::string message, std::string_view word = {}) {
  return std::unexpected(TextMistake{at, std::move(message), std::string(word)});
}

// The field that begins at `at`, where "${" stands, and where the text goes on behind it.
std::expected<std::pair<ExchangeField, size_t>, TextMistake> read_field(std::string_view text, size_t at) {
  const size_t end = text.find('}', at);
  if (end == text.npos) return mistake(at, "the brace of a \"${\" does not close");
  const std::string_view name = text.substr(at + 2, end - at - 2);
  const auto field = exchange_field(name);
  if (!field) return mistake(at, "there is no field \"" + std::string(name) + "\"", name);
  return std::pair(*field, end + 1);
}

bool is_printable(char c) {
  return c >= 0x20 && c < 0x7f;
}

std::expected<LineFormat, TextMistake> read_pieces(std::string_view text) {
  LineFormat format;
  std::string literal;
  for (size_t at = 0; at < text.size();) {
    if (!is_printable(text[at])) return mistake(at, "a line is made of printable ASCII");
    const bool escaped = text.substr(at, 3) == "$${";
    if (escaped || text.substr(at, 2) != "${") {
      literal += escaped ? "${" : text.substr(at, 1);
      at += escaped ? 3 : 1;
      continue;
    }
    const auto field = read_field(text, at);
    if (!field) return std::unexpected(field.error());
    format.pieces.push_back({std::exchange(literal, {}), field->first});
    at = field->second;
  }
  format.after = std::move(literal);
  return format;
}

}  // namespace

std::expected<LineFormat, TextMistake> parse_line_format(std::string_view text) {
  if (text == "json") return json_format();
  for (const auto& [name, form] : kNamed)
    if (text == name) return read_pieces(form);
  if (text.size() > kFormatBytesMax) return mistake(0, "the form of a line is too long");
  auto format = read_pieces(text);
  if (!format) return format;
  if (format->pieces.empty()) return mistake(0, "no field stands in it", text);
  if (format->pieces.size() > kFormatFieldsMax) return mistake(0, "more fields than a line has room for");
  return format;
}

const std::vector<std::string>& format_names() {
  static const std::vector<std::string> names = {"json", "clf", "combined", "httplog"};
  return names;
}

}  // namespace cardea
