#include "base/header_line.h"

#include <fmt/format.h>
#include <strings.h>

#include <algorithm>

namespace cardea {
namespace {

// Framing and routing (RFC 9110 8.6, 7.2, RFC 9112 6.1), and what ends at each hop (RFC 9110 7.6.1).
constexpr std::string_view kOurs[] = {"Connection", "Content-Length", "Expect",  "Host",   "HTTP2-Settings",
                                      "Keep-Alive", "Proxy-Connection", "TE",    "Trailer", "Transfer-Encoding",
                                      "Upgrade",    "Date"};

bool same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

bool is_token(std::string_view name) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  const auto fits = [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || kMarks.contains(c);
  };
  return !name.empty() && name.size() <= 128 && std::ranges::all_of(name, fits);
}

bool is_line(std::string_view value) {
  return std::ranges::all_of(value, [](char c) { return uint8_t(c) >= 0x20 && uint8_t(c) != 0x7f; });
}

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(' ');
  return first == text.npos ? std::string_view() : text.substr(first, text.find_last_not_of(' ') - first + 1);
}

}  // namespace

Result<> check_header_name(std::string_view name) {
  if (!is_token(name)) return fail(fmt::format("\"{}\" is no name of a header", name));
  if (std::ranges::any_of(kOurs, [name](std::string_view ours) { return same(ours, name); }))
    return fail(fmt::format("{} is written by cardea-l7 itself", name));
  return {};
}

Result<HeaderLine> read_header_line(std::string_view line, Moment moment) {
  const size_t colon = line.find(':');
  if (colon == line.npos) return fail(fmt::format("\"{}\" has no colon behind a name", line));
  const std::string_view name = line.substr(0, colon);
  if (auto named = check_header_name(name); !named) return std::unexpected(std::move(named.error()));
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (!is_line(value)) return fail(fmt::format("the value of {} holds a control character", name));
  auto made = Template::parse(value, moment);
  if (!made) return std::unexpected(std::move(made.error()));
  return HeaderLine{name, std::move(*made)};
}

}  // namespace cardea
