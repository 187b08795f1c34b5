// Forms of what a client is told by a route itself: statuses and places to go to, and what stands in a header.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/pattern.h"
#include "conf/form.h"
#include "conf/quote.h"

namespace cardea::conf {
namespace {

using Kind = Node::Kind;

std::unexpected<Mistake> refuse(std::string message = {}, std::string nearest = {}) {
  return std::unexpected(Mistake{std::move(message), std::move(nearest)});
}

bool is_visible(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

// What a request's path may hold, in l7/http/byte_set.h: nothing that one reader takes for a separator or for markup.
std::expected<std::string, Mistake> read_target(const std::string& text) {
  const std::string shown = in_quotes(text);
  if (text.find("://") != text.npos)
    return refuse(shown + " is more than a path: scheme and host have settings of their own");
  if (!text.starts_with('/')) return refuse(shown + " does not begin with '/'", text_literal("/" + text));
  if (text.starts_with("//")) return refuse(shown + " begins with the name of a host, for some readers");
  if (text.size() > 1024) return refuse(fmt::format("{} bytes of path are too many", text.size()));
  if (const size_t tail = text.find_first_of("?#"); tail != text.npos)
    return refuse(shown + " is more than a path", text_literal(text.substr(0, tail)));
  const bool strange = std::ranges::any_of(text, [](char c) {
    return c <= 0x20 || c >= 0x7f || std::string_view("\"<>\\`{}").find(c) != std::string_view::npos;
  });
  if (strange) return refuse(shown + " holds what has to be percent-encoded in a path");
  return text;
}

// Which groups there are, the checks know.
std::expected<std::string, Mistake> read_made(const std::string& text) {
  const std::string fixed = text.substr(0, std::min(text.find_first_of("?$"), text.size()));
  if (text.find("://") != text.npos || !text.starts_with('/') || fixed.find('#') != fixed.npos) return read_target(text);
  if (text.size() > 1024) return refuse(fmt::format("{} bytes of path are too many", text.size()));
  return text;
}

std::expected<uint16_t, Mistake> read_redirect_status(const Node& node) {
  constexpr int64_t kAll[] = {301, 302, 303, 307, 308};
  if (node.kind != Kind::kInteger) return refuse();
  if (std::ranges::find(kAll, node.integer) == std::end(kAll))
    return refuse(fmt::format("{} sends nobody elsewhere", node.integer));
  return uint16_t(node.integer);
}

std::expected<std::string, Mistake> read_pattern(const Node& node) {
  constexpr size_t kMax = 1024;
  if (node.kind != Kind::kText || node.text.empty()) return refuse();
  if (node.text.size() > kMax)
    return refuse(fmt::format("{} bytes of regular expression are too many", node.text.size()));
  const auto compiled = Pattern::compile(node.text);
  if (!compiled) return refuse(compiled.error().message);
  return node.text;
}

bool is_token(std::string_view text) {  // RFC 9110 5.6.2
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

std::expected<std::string, Mistake> read_method(const Node& node) {
  if (node.kind != Kind::kText || node.text.size() > 32 || !is_token(node.text)) return refuse();
  std::string large = node.text;
  std::ranges::transform(large, large.begin(), [](char c) { return c >= 'a' && c <= 'z' ? char(c - 'a' + 'A') : c; });
  if (large != node.text)
    return refuse(in_quotes(node.text) + " is no method: they are in capital letters", in_quotes(large));
  return node.text;
}

}  // namespace

Form<std::string> pattern() {
  return {"regex",
          "a regular expression in RE2's syntax, such as \"/v[0-9]+/.*\"",
          {},
          read_pattern,
          [](const std::string& value) { return text_literal(value); }};
}

Form<std::string> method() {
  return {"method", "a method such as \"GET\"", {}, read_method, [](const std::string& value) {
            return text_literal(value);
          }};
}

Form<std::string> token(size_t length_max) {
  return {"name",
          fmt::format("a name as it stands in a request, at most {} bytes without blanks, '=', '&', ';' and ':'",
                      length_max),
          {},
          [length_max](const Node& node) -> std::expected<std::string, Mistake> {
            if (node.kind != Kind::kText || node.text.empty() || node.text.size() > length_max) return refuse();
            if (!is_visible(node.text) || node.text.find_first_of(" =&;:,\"") != node.text.npos) return refuse();
            return node.text;
          },
          [](const std::string& value) { return text_literal(value); }};
}

// No header that means something to a proxy is called so, but for the usual one.
Form<std::string> id_header() {
  return {"name",
          "a header's name that ends in \"ID\", such as \"X-Request-ID\", at most 64 bytes",
          {},
          [](const Node& node) -> std::expected<std::string, Mistake> {
            const std::string& text = node.text;
            if (node.kind != Kind::kText || text.size() < 3 || text.size() > 64) return refuse();
            const auto of_a_name = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_'; };
            if (!std::ranges::all_of(text, of_a_name) || !std::isalpha(static_cast<unsigned char>(text.front()))) return refuse();
            const std::string_view end = std::string_view(text).substr(text.size() - 2);
            if ((end[0] | 0x20) != 'i' || (end[1] | 0x20) != 'd') return refuse();
            return text;
          },
          [](const std::string& value) { return text_literal(value); }};
}

Form<uint16_t> redirect_status() {
  return {"number", "301, 302, 303, 307 or 308", {}, read_redirect_status, [](const uint16_t& value) {
            return std::to_string(value);
          }};
}

Form<std::string> host_name() {
  Form<std::string> form = host_pattern();
  form.expected = "a host such as \"shop.com\", or an address, without a port";
  form.read = [pattern = form.read](const Node& node) -> std::expected<std::string, Mistake> {
    auto host = pattern(node);
    if (host && host->starts_with('*')) return refuse(in_quotes(*host) + " is many hosts");
    if (host && host->find(':') != host->npos && !host->starts_with('[')) return "[" + *host + "]";
    return host;
  };
  return form;
}

Form<std::string> target_path() {
  return {"path",
          "a path that clients can be sent to, such as \"/new/\"",
          {},
          [](const Node& node) { return node.kind == Kind::kText ? read_target(node.text) : refuse(); },
          [](const std::string& value) { return text_literal(value); }};
}

Form<std::string> made_path() {
  return {"path",
          "a path with an optional query, such as \"/new/${path:1}?from=old\"",
          {},
          [](const Node& node) { return node.kind == Kind::kText ? read_made(node.text) : refuse(); },
          [](const std::string& value) { return text_literal(value); }};
}

Form<std::string> header_text(size_t length_max) {
  Form<std::string> form = text(length_max);
  form.expected = fmt::format("text of one line in double quotes, at most {} bytes of ASCII", length_max);
  form.read = [any = form.read](const Node& node) -> std::expected<std::string, Mistake> {
    auto value = any(node);
    if (value && !is_visible(*value)) return refuse("a header has no line's end and nothing but ASCII");
    return value;
  };
  return form;
}

Form<std::string> link_value() {
  Form<std::string> form = header_text(512);
  form.expected = "a link as in the Link header, such as \"</app.css>; rel=preload; as=style\"";
  form.read = [any = form.read](const Node& node) -> std::expected<std::string, Mistake> {
    auto value = any(node);
    if (value && !(value->starts_with('<') && value->contains('>'))) return refuse("a link's target stands in <>");
    if (value && !value->contains(";")) return refuse("what is fetched how is not said: \"; rel=preload; as=...\"");
    return value;
  };
  return form;
}

}  // namespace cardea::conf
