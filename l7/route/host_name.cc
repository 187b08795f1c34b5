#include "l7/route/host_name.h"

#include <algorithm>

#include "l7/http/authority.h"
#include "l7/http/byte_set.h"

namespace cardea::l7::route {
namespace {

// What a client may ask for is wider than what a host can be called: an asterisk or a comma in a pattern is a mistake.
bool is_written_name(std::string_view host) {
  return std::ranges::none_of(host, [](char c) { return http::is_one_of(uint8_t(c), "~!$&'()*+,;="); });
}

}  // namespace

std::string_view name(HostRule rule) {
  switch (rule) {
    case HostRule::kExact:
      return "exact";
    case HostRule::kWildcard:
      return "wildcard";
    case HostRule::kAny:
      return "any";
  }
  return "any";
}

Result<HostPattern> parse_host_pattern(std::string_view text) {
  if (text == "*") return HostPattern{};
  const bool wildcard = text.starts_with("*.");
  const std::string_view host = wildcard ? text.substr(2) : text;
  const bool bare_ipv6 = !host.starts_with('[') && std::ranges::count(host, ':') > 1;
  const std::string bracketed = bare_ipv6 ? "[" + std::string(host) + "]" : std::string(host);
  const auto authority = http::parse_authority(bracketed);
  if (!authority || authority->text != bracketed || !is_written_name(authority->host) || authority->port != 0 || (wildcard && authority->host.find(':') != host.npos)) {
    return fail(
        "host \"" + std::string(text) + "\" is no name: write shop.com, *.shop.com or an address, without a port",
        Origin::kOperator);
  }
  std::string name = wildcard ? "." : "";
  name += HostName(authority->host).text();
  return HostPattern{wildcard ? HostRule::kWildcard : HostRule::kExact, std::move(name)};
}

HostName::HostName(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  if (host.size() > 255) return;
  http::to_lower(host, text_.data());
  size_ = uint16_t(host.size());
}

}  // namespace cardea::l7::route
