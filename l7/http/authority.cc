#include "l7/http/authority.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "l7/http/byte_set.h"

namespace cardea::l7::http {
namespace {

constexpr size_t kHostMax = 255;

std::optional<uint16_t> parse_port(std::string_view digits) {
  if (digits.empty() || digits.size() > 5) return {};
  unsigned port = 0;
  for (const char c : digits) {
    if (!is_digit(static_cast<unsigned char>(c))) return {};
    port = port * 10 + unsigned(c - '0');
  }
  if (port == 0 || port > 65535) return {};
  return uint16_t(port);
}

bool is_host_name(std::string_view name) {
  if (name.empty() || name.size() > kHostMax || name.front() == '.' || !kHostBytes.holds_all(name)) return false;
  for (size_t dot = name.find('.'); dot != name.npos; dot = name.find('.', dot + 1)) {
    if (dot + 1 < name.size() && name[dot + 1] == '.') return false;
  }
  return true;
}

bool is_ipv6(std::string_view text) {
  char terminated[INET6_ADDRSTRLEN] = {};
  if (text.empty() || text.size() >= sizeof terminated) return false;
  std::memcpy(terminated, text.data(), text.size());
  in6_addr ignored;
  return inet_pton(AF_INET6, terminated, &ignored) == 1;
}

}  // namespace

std::optional<Authority> parse_authority(std::string_view text) {
  Authority authority;
  authority.text = text;
  std::string_view behind;  // the port with its colon
  if (text.starts_with('[')) {
    const size_t close = text.find(']');
    if (close == text.npos) return {};
    authority.host = text.substr(1, close - 1);
    behind = text.substr(close + 1);
    if (!is_ipv6(authority.host)) return {};
  } else {
    const size_t colon = text.find(':');
    authority.host = text.substr(0, colon);
    if (colon != text.npos) behind = text.substr(colon);
    if (!is_host_name(authority.host)) return {};
  }
  if (behind == ":") {  // an empty port is none (RFC 3986 6.2.3)
    authority.text.remove_suffix(1);
    behind = {};
  }
  if (behind.empty()) return authority;
  const std::optional<uint16_t> port = parse_port(behind.substr(1));
  if (behind.front() != ':' || !port) return {};
  authority.port = *port;
  return authority;
}

HostText::HostText(const Authority& authority, std::string_view scheme) {
  const bool brackets = authority.text.starts_with('[');
  std::string_view host = authority.host;
  if (host.ends_with('.')) host.remove_suffix(1);
  char* at = text_.data();
  if (brackets) *at++ = '[';
  at = to_lower(host, at);
  if (brackets) *at++ = ']';
  if (authority.port != 0 && authority.port != (scheme == "https" ? 443 : 80)) {
    *at++ = ':';
    at = std::to_chars(at, text_.data() + text_.size(), authority.port).ptr;
  }
  size_ = size_t(at - text_.data());
}

}  // namespace cardea::l7::http
