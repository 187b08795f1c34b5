#include "l7/policy/trusted_proxies.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/header_line.h"
#include "l7/http/fields.h"

namespace cardea::l7::policy {
namespace {

constexpr std::string_view kForwarded = "Forwarded", kForwardedFor = "X-Forwarded-For";
constexpr size_t kHopsMax = 64;  // further left nothing is looked for

// The last elements of a header that is a list, in all its lines.
class Hops {
 public:
  Hops(const http::Headers& headers, std::string_view name) {
    for (const http::Header& header : headers) {
      if (!http::equal_without_case(header.name(), name)) continue;
      std::string_view list = header.value();
      while (const auto element = http::next_element(list)) last_[count_++ % kHopsMax] = *element;
    }
  }
  size_t size() const { return std::min(count_, kHopsMax); }
  std::string_view from_right(size_t i) const { return last_[(count_ - 1 - i) % kHopsMax]; }

 private:
  std::array<std::string_view, kHopsMax> last_;
  size_t count_ = 0;
};

// "192.0.2.7", "192.0.2.7:4711", "2001:db8::7", "[2001:db8::7]", "[2001:db8::7]:4711".
std::optional<IpAddress> address_of(std::string_view text) {
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    if (end == text.npos || (end + 1 != text.size() && text[end + 1] != ':')) return {};
    text = text.substr(1, end - 1);
  } else if (std::ranges::count(text, ':') == 1) {
    text = text.substr(0, text.find(':'));
  }
  const auto address = IpAddress::parse(text);
  return address ? std::optional(*address) : std::nullopt;
}

// The first of an element's pairs (RFC 7239 4), taken off. In quotes a host that the client chose may have what looks
// like another one: host="a;for=192.0.2.1".
std::string_view take_pair(std::string_view& element) {
  bool quoted = false;
  size_t end = 0;
  for (; end < element.size() && (quoted || element[end] != ';'); ++end) {
    if (quoted && element[end] == '\\') {
      ++end;
    } else if (element[end] == '"') {
      quoted = !quoted;
    }
  }
  end = std::min(end, element.size());
  const std::string_view pair = http::trim(element.substr(0, end));
  element.remove_prefix(std::min(end + 1, element.size()));
  return pair;
}

// The value of one of them: for="[2001:db8::7]:4711";proto=https.
std::string_view pair_of(std::string_view element, std::string_view name) {
  while (!element.empty()) {
    const std::string_view pair = take_pair(element);
    const size_t equal = pair.find('=');
    if (equal != pair.npos && http::equal_without_case(pair.substr(0, equal), name))
      return http::unquoted(pair.substr(equal + 1));
  }
  return {};
}

std::string_view scheme_of(std::string_view word) {
  if (http::equal_without_case(word, "https")) return "https";
  return http::equal_without_case(word, "http") ? "http" : std::string_view();
}

std::string_view last_of(const http::Headers& headers, http::HeaderId id) {
  std::string_view last;
  for (const http::Header& header : headers) {
    if (header.id() != id) continue;
    std::string_view list = header.value();
    while (const auto element = http::next_element(list)) last = *element;
  }
  return last;
}

// Who writes Forwarded may let pass what its client wrote of the others.
void tell_forwarded(ToldByProxy& told, std::string_view nearest) {
  told.scheme = scheme_of(pair_of(nearest, "proto"));
  const std::string_view host = pair_of(nearest, "host");
  if (!host.contains('\\')) told.host = host;
}

void tell_others(ToldByProxy& told, const http::Headers& headers) {
  told.scheme = scheme_of(last_of(headers, http::HeaderId::kXForwardedProto));
  told.host = last_of(headers, http::HeaderId::kXForwardedHost);
  told.port = last_of(headers, http::HeaderId::kXForwardedPort);
}

}  // namespace

Result<TrustedProxies> TrustedProxies::read(const settings::TrustedProxiesT& from) {
  TrustedProxies to;
  for (const std::string& text : from.from) {
    const auto network = Prefix::parse(text);
    if (!network) return fail(fmt::format("\"{}\" is no network", text));
    to.networks_.push_back(*network);
  }
  to.header_ = from.header.empty() ? std::string(kForwardedFor) : from.header;
  return to;
}

bool TrustedProxies::trusts(const IpAddress& peer) const {
  return std::ranges::any_of(networks_, [&peer](const Prefix& network) { return network.contains(peer); });
}

bool TrustedProxies::tell_by_another_header() const {
  return !empty() && !http::equal_without_case(header_, kForwardedFor);
}

ToldByProxy TrustedProxies::told(const http::Headers& headers) const {
  const bool forwarded = http::equal_without_case(header_, kForwarded);
  const Hops hops(headers, header_);
  ToldByProxy told;
  for (size_t i = 0; i < hops.size(); ++i) {
    const std::string_view hop = hops.from_right(i);
    const auto address = address_of(forwarded ? pair_of(hop, "for") : hop);
    if (!address) break;
    told.client = address;
    if (!trusts(*address)) break;
  }
  if (forwarded) {
    tell_forwarded(told, hops.size() != 0 ? hops.from_right(0) : std::string_view());
  } else {
    tell_others(told, headers);
  }
  return told;
}

}  // namespace cardea::l7::policy
