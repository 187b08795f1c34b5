// Forms of what policies are written with: headers that are set, with variables in their values.
#include <fmt/format.h>

#include <algorithm>

#include "base/header_line.h"
#include "base/rule_ids.h"
#include "conf/form.h"
#include "conf/nearest.h"
#include "conf/quote.h"

namespace cardea::conf {
namespace {

// A variable that is none, as it was probably meant: "X: ${client_adress}" → "X: ${client_address}"; empty: no idea.
std::string with_known_variable(const std::string& line, Moment moment) {
  std::vector<std::string> known;
  for (const VariableWord& word : variable_words(moment)) known.push_back(word.word);
  for (size_t at = line.find("${"); at != line.npos; at = line.find("${", at + 2)) {
    const size_t end = line.find('}', at);
    if (end == line.npos) return {};
    const std::string word = line.substr(at + 2, end - at - 2);
    if (std::ranges::find(known, word) != known.end() || word.contains(':')) continue;
    const std::string meant = nearest(word, known);
    return meant.empty() ? "" : text_literal(line.substr(0, at + 2) + meant + line.substr(end));
  }
  return {};
}

// "X-Env prod", as it was probably meant.
std::string with_colon(const std::string& line) {
  const size_t blank = line.find(' ');
  return line.contains(':') || blank == line.npos ? "" : text_literal(line.substr(0, blank) + ":" + line.substr(blank));
}

std::string in_small_letters(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? char(c + ('a' - 'A')) : c;
  return text;
}

// "text/html", "text/*", "*+json".
bool is_media_types(std::string_view text) {
  const auto is_name = [](std::string_view name) {
    return !name.empty() && name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.+-_") == name.npos;
  };
  if (text.starts_with("*+")) return is_name(text.substr(2));
  const size_t slash = text.find('/');
  if (slash == text.npos || !is_name(text.substr(0, slash))) return false;
  const std::string_view kind = text.substr(slash + 1);
  return kind == "*" || is_name(kind);
}

}  // namespace

Form<std::string> media_types() {
  return {"type",
          "a media type such as \"text/html\", or all of a kind: \"text/*\", \"*+json\"",
          {},
          [](const Node& node) -> std::expected<std::string, Mistake> {
            if (node.kind != Node::Kind::kText) return std::unexpected(Mistake{});
            std::string type = in_small_letters(node.text);
            if (is_media_types(type)) return type;
            const std::string bare = type.substr(0, type.find_first_of("; "));
            return std::unexpected(Mistake{"", is_media_types(bare) ? in_quotes(bare) : ""});
          },
          [](const std::string& value) { return text_literal(value); }};
}

Form<std::string> header_line(Moment moment) {
  return {"header",
          "a header with its value, such as \"X-Env: prod\" or \"X-Client: ${client_address}\"",
          {},
          [moment](const Node& node) -> std::expected<std::string, Mistake> {
            if (node.kind != Node::Kind::kText) return std::unexpected(Mistake{});
            const auto read = read_header_line(node.text, moment);
            if (read) return node.text;
            std::string meant = with_colon(node.text);
            if (meant.empty()) meant = with_known_variable(node.text, moment);
            return std::unexpected(Mistake{read.error().message, std::move(meant)});
          },
          [](const std::string& value) { return text_literal(value); }};
}

Form<std::string> variables_text(Moment moment) {
  return {"text",
          "text with variables, such as \"${client_address} ${path}\"",
          {},
          [moment](const Node& node) -> std::expected<std::string, Mistake> {
            if (node.kind != Node::Kind::kText || node.text.size() > 1024) return std::unexpected(Mistake{});
            const auto read = Template::parse(node.text, moment);
            if (read) return node.text;
            return std::unexpected(Mistake{read.error().message, with_known_variable(node.text, moment)});
          },
          [](const std::string& value) { return text_literal(value); }};
}

namespace {

bool is_host(std::string_view name) {
  if (name.starts_with('[')) return name.size() > 2 && name.find_first_not_of("0123456789abcdef:.", 1) == name.size() - 1 && name.ends_with(']');
  return !name.empty() && name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-_") == name.npos;
}

std::unexpected<Mistake> no_origin(const std::string& text, const char* why, const std::string& meant = {}) {
  return std::unexpected(Mistake{in_quotes(text) + why, meant.empty() ? "" : in_quotes(meant)});
}

// "app.example", "*.example", "app.example:8443", "[2001:db8::1]"; `scheme`: "https", whose own port is not told.
std::expected<std::string, Mistake> read_origin(const std::string& text, std::string_view scheme, std::string_view name) {
  if (const size_t path = name.find('/'); path != name.npos)
    return no_origin(text, " is more than an origin", fmt::format("{}://{}", scheme, name.substr(0, path)));
  const size_t colon = name.find(':', name.starts_with('[') ? name.find(']') : 0);
  const std::string_view host = name.substr(0, colon);
  if (std::ranges::any_of(host, [](char c) { return uint8_t(c) >= 0x80; }))
    return no_origin(text, " is not what a browser sends: of such a name that is its form with \"xn--\"");
  if (!is_host(host.starts_with("*.") ? host.substr(2) : host)) return no_origin(text, " names no host");
  if (colon == name.npos) return text;
  const std::string_view port = name.substr(colon + 1);
  if (port.empty() || port.size() > 5 || port.find_first_not_of("0123456789") != port.npos) return no_origin(text, " names no port");
  if ((scheme == "https" && port == "443") || (scheme == "http" && port == "80"))
    return no_origin(text, " is not what a browser sends: it leaves its scheme's own port out", fmt::format("{}://{}", scheme, host));
  return text;
}

}  // namespace

// What a browser sends as Origin (RFC 6454 6.2): a scheme and a host, with a port that is not the scheme's own.
Form<std::string> origin() {
  return {"origin",
          "an origin, such as \"https://app.example\", \"https://*.example:8443\" or \"*\"",
          {},
          [](const Node& node) -> std::expected<std::string, Mistake> {
            if (node.kind != Node::Kind::kText) return std::unexpected(Mistake{});
            const std::string text = in_small_letters(node.text);
            if (text == "*") return text;
            const size_t host = text.find("://");
            if (host == text.npos) return no_origin(text, " has no scheme", "https://" + text);
            return read_origin(text, std::string_view(text).substr(0, host), std::string_view(text).substr(host + 3));
          },
          [](const std::string& value) { return text_literal(value); }};
}

Form<uint32_t> number_of_ms(std::chrono::milliseconds min, std::chrono::milliseconds max) {
  const Form<std::chrono::milliseconds> form = duration(min, max);
  return {form.kind,
          form.expected,
          {},
          [form](const Node& node) -> std::expected<uint32_t, Mistake> {
            const auto value = form.read(node);
            if (!value) return std::unexpected(value.error());
            return uint32_t(value->count());
          },
          [form](const uint32_t& value) { return form.write(std::chrono::milliseconds(value)); }};
}

Form<std::string> network() {
  const Form<Prefix> form = prefix();
  return {form.kind,
          form.expected,
          {},
          [form](const Node& node) -> std::expected<std::string, Mistake> {
            const auto value = form.read(node);
            if (!value) return std::unexpected(value.error());
            return value->text();
          },
          [](const std::string& value) { return text_literal(value); }};
}

Form<std::string> ja4_pattern() {
  return {"fingerprint",
          "a JA4 fingerprint such as \"t13d1516h2_8daaf6152771_d8a2da3f94cd\", or the beginning of one and \"*\"",
          {},
          [](const Node& node) -> std::expected<std::string, Mistake> {
            constexpr size_t kWhole = 36;
            if (node.kind != Node::Kind::kText) return std::unexpected(Mistake{});
            const bool part = node.text.ends_with('*');
            const std::string_view text = std::string_view(node.text).substr(0, node.text.size() - part);
            const auto may_be = [&text](size_t at) {
              const char c = text[at];
              if (at == 0) return c == 't';
              if (at == 10 || at == 23) return c == '_';
              return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
            };
            const bool fits = part ? text.size() >= 3 && text.size() < kWhole : text.size() == kWhole;
            for (size_t at = 0; fits && at < text.size(); ++at)
              if (!may_be(at)) return std::unexpected(Mistake{});
            return fits ? std::expected<std::string, Mistake>(node.text) : std::unexpected(Mistake{});
          },
          [](const std::string& value) { return text_literal(value); }};
}

Form<std::string> country() {
  return {"country",
          "a country's two letters (ISO 3166-1) such as \"DE\"",
          {},
          [](const Node& node) -> std::expected<std::string, Mistake> {
            if (node.kind != Node::Kind::kText || node.text.size() != 2) return std::unexpected(Mistake{});
            std::string letters = node.text;
            for (char& c : letters) c = c >= 'a' && c <= 'z' ? char(c - ('a' - 'A')) : c;
            if (std::ranges::any_of(letters, [](char c) { return c < 'A' || c > 'Z'; })) return std::unexpected(Mistake{});
            return letters;
          },
          [](const std::string& value) { return text_literal(value); }};
}

Form<std::string> rule_ids() {
  return {"rules",
          "a rule's id such as \"942100\", or two with all between them, such as \"942000-942999\"",
          {},
          [](const Node& node) -> std::expected<std::string, Mistake> {
            if (node.kind != Node::Kind::kText || !read_rule_ids(node.text)) return std::unexpected(Mistake{});
            return node.text;
          },
          [](const std::string& value) { return text_literal(value); }};
}

Form<std::string> request_target() {
  return {"path",
          "a path, with a query where it needs one, such as \"/oauth2/auth\"",
          {},
          [](const Node& node) -> std::expected<std::string, Mistake> {
            if (node.kind != Node::Kind::kText || node.text.size() > 1024) return std::unexpected(Mistake{});
            const auto is_written = [](char c) { return c > ' ' && c < 0x7f && c != '#' && c != '"'; };
            if (!node.text.empty() && std::ranges::all_of(node.text, is_written)) {
              if (node.text.starts_with('/')) return node.text;
              if (!node.text.contains("://")) return std::unexpected(Mistake{"", in_quotes("/" + node.text)});
            }
            return std::unexpected(Mistake{});
          },
          [](const std::string& value) { return text_literal(value); }};
}

Form<std::string> header_name() {
  return {"name",
          "the name of a header, such as \"X-Powered-By\"",
          {},
          [](const Node& node) -> std::expected<std::string, Mistake> {
            if (node.kind != Node::Kind::kText) return std::unexpected(Mistake{});
            const auto named = check_header_name(node.text);
            if (named) return node.text;
            const std::string name = node.text.substr(0, node.text.find_first_of(": "));
            const bool longer = name.size() != node.text.size() && check_header_name(name);
            return std::unexpected(Mistake{named.error().message, longer ? in_quotes(name) : ""});
          },
          [](const std::string& value) { return text_literal(value); }};
}

}  // namespace cardea::conf
