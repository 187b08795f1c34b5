// Forms of what stands in requests: hosts and paths as routes name them, and where the access log goes. cardea-l7 reads
// them with its own code (l7/route); what is let through here has one meaning there.
#include <fmt/format.h>

#include <algorithm>

#include "conf/form.h"
#include "conf/quote.h"

namespace cardea::conf {
namespace {

using Kind = Node::Kind;

std::unexpected<Mistake> refuse(std::string message = {}, std::string nearest = {}) {
  return std::unexpected(Mistake{std::move(message), std::move(nearest)});
}

bool letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

char small(char c) {
  return c >= 'A' && c <= 'Z' ? char(c + ('a' - 'A')) : c;
}

// RFC 1123 section 2.1, and '_', which is in use.
bool is_label(std::string_view label) {
  const auto inner = [](char c) { return letter_or_digit(c) || c == '-' || c == '_'; };
  return !label.empty() && label.size() <= 63 && std::ranges::all_of(label, inner) && label.front() != '-' &&
         label.back() != '-';
}

bool is_name(std::string_view host) {
  if (host.size() > 253) return false;
  for (;;) {
    const size_t dot = host.find('.');
    if (!is_label(host.substr(0, dot))) return false;
    if (dot == host.npos) return true;
    host.remove_prefix(dot + 1);
  }
}

// What an operator may have pasted, down to the host: "https://Shop.com:8443/x" → "shop.com".
std::string host_within(std::string_view text) {
  if (const size_t scheme = text.find("://"); scheme != text.npos) text.remove_prefix(scheme + 3);
  text = text.substr(0, text.find('/'));
  if (std::ranges::count(text, ':') == 1) text = text.substr(0, text.find(':'));
  return is_name(text) ? in_quotes(text) : "";
}

std::expected<std::string, Mistake> read_host(std::string text) {
  std::ranges::transform(text, text.begin(), small);
  if (text == "*") return text;
  const std::string shown = in_quotes(text);
  std::string_view address = text;
  if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
  if (IpAddress::parse(address)) return text;
  if (std::ranges::any_of(text, [](char c) { return uint8_t(c) >= 0x80; }))
    return refuse(shown + " has letters outside ASCII: write it as clients send it, beginning with xn--");
  if (text.find("://") != text.npos || text.find('/') != text.npos || text.find(':') != text.npos)
    return refuse(shown + " is more than a host", host_within(text));
  if (text.ends_with('.')) text.pop_back();
  const bool wildcard = text.starts_with("*.");
  if (text.find('*', wildcard ? 1 : 0) != text.npos)
    return refuse(shown + ": a '*' can only stand for the first labels, as in \"*.shop.com\"");
  if (!is_name(std::string_view(text).substr(wildcard ? 2 : 0))) return refuse();
  return text;
}

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (small(c) >= 'a' && small(c) <= 'f');
}

// Dot segments, doubled slashes and their disguises: requests are compared after they were resolved, so these would
// never match.
std::string resolved_elsewhere(std::string_view path) {
  std::string flat;
  std::ranges::transform(path, std::back_inserter(flat), small);
  for (const std::string_view odd : {"//", "\\", ";", "%2f", "%5c", "%3b", "%7f", "\"", "<", ">", "`", "{", "}"})
    if (flat.find(odd) != flat.npos) return std::string(odd);
  for (size_t at = flat.find('%'); at != flat.npos; at = flat.find('%', at + 1))  // control bytes
    if (at + 2 < flat.size() && (flat[at + 1] == '0' || flat[at + 1] == '1')) return flat.substr(at, 3);
  for (const std::string_view dots : {"/./", "/../"})
    if ((flat + "/").find(dots) != flat.npos) return std::string(dots.substr(1, dots.size() - 2));
  return {};
}

// What is literal at the beginning of a regular expression: "^/api/.*$" → "/api/"; empty: nothing, or it is no such
// expression.
std::string before_pattern(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == 0 || slash == text.npos || text.find_first_not_of("~^* ") < slash) return {};
  text.remove_prefix(slash);
  size_t end = std::min(text.find_first_of("*+?$()[]{}|\\"), text.size());
  if (end < text.size() && text[end - 1] == '.') --end;
  return std::string(text.substr(0, end));
}

std::expected<std::string, Mistake> read_path(const std::string& text) {
  const std::string shown = in_quotes(text);
  if (const std::string plain = before_pattern(text); !plain.empty())
    return refuse(shown + " is a regular expression: a path here stands for all that begins with it",
                  text_literal(plain));
  if (!text.starts_with('/')) return refuse(shown + " does not begin with '/'", text_literal("/" + text));
  if (text.size() > 1024) return refuse(fmt::format("{} bytes of path are too many", text.size()));
  if (std::ranges::any_of(text, [](char c) { return c <= 0x20 || c >= 0x7f; }))
    return refuse(shown + " holds a blank or a character outside ASCII", "");
  if (const size_t tail = text.find_first_of("?#"); tail != text.npos)
    return refuse(shown + " is more than a path", text_literal(text.substr(0, tail)));
  if (const size_t star = text.find('*'); star != text.npos)
    return refuse(shown + " has a '*': a path already stands for all that is below it",
                  text_literal(text.substr(0, star)));
  if (const std::string odd = resolved_elsewhere(text); !odd.empty())
    return refuse(fmt::format("{} holds {}, which no request has when it is compared", shown, in_quotes(odd)));
  for (size_t at = 0; (at = text.find('%', at)) != text.npos; ++at)
    if (at + 2 >= text.size() || !is_hex(text[at + 1]) || !is_hex(text[at + 2]))
      return refuse(shown + " has a '%' without two hexadecimal digits");
  return text;
}

}  // namespace

Form<std::string> log_path() {
  return {"path",
          "an absolute path, such as \"/var/log/cardea/access.log\", or \"stderr\"",
          {},
          [](const Node& node) -> std::expected<std::string, Mistake> {
            if (node.kind != Kind::kText) return refuse();
            const bool good = node.text.empty() || node.text[0] == '/' || node.text == "stderr";
            if (!good) return refuse({}, node.text == "stdout" ? "\"stderr\"" : "");
            return node.text;
          },
          [](const std::string& value) { return text_literal(value); }};
}

Form<std::string> host_pattern() {
  return {"host",
          "a host such as \"shop.com\", \"*.shop.com\" for all below it, or an address, without a port",
          {},
          [](const Node& node) { return node.kind == Kind::kText ? read_host(node.text) : refuse(); },
          [](const std::string& value) { return text_literal(value); }};
}

Form<std::string> url_path() {
  return {"path",
          "the beginning of a URL's path, such as \"/api/\"",
          {},
          [](const Node& node) { return node.kind == Kind::kText ? read_path(node.text) : refuse(); },
          [](const std::string& value) { return text_literal(value); }};
}

}  // namespace cardea::conf
