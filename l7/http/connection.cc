#include "l7/http/connection.h"

#include <algorithm>

#include "l7/http/fields.h"

namespace cardea::l7::http {
namespace {

constexpr uint64_t kEndsHere = header_set(
    HeaderId::kConnection, HeaderId::kKeepAlive, HeaderId::kProxyConnection, HeaderId::kTe, HeaderId::kTrailer,
    HeaderId::kTransferEncoding, HeaderId::kContentLength, HeaderId::kUpgrade, HeaderId::kHttp2Settings,
    HeaderId::kProxyAuthenticate, HeaderId::kProxyAuthorization, HeaderId::kLookAlike);

// False: more headers named than there is room for.
bool add_option(std::string_view option, ConnectionOptions& options) {
  if (equal_without_case(option, "close")) {
    options.close = true;
  } else if (equal_without_case(option, "keep-alive")) {
    options.keep_alive = true;
  } else if (equal_without_case(option, "upgrade")) {
    options.upgrade = true;
  } else if (header_id(option) == HeaderId::kOther) {
    if (options.named_count == ConnectionOptions::kNamedMax) return false;
    options.named[options.named_count++] = option;
  }
  return true;  // a known header ends here or does not, whatever Connection says
}

bool one_element_is(std::string_view list, std::string_view wanted) {
  const auto first = next_element(list);
  return first && equal_without_case(*first, wanted) && !next_element(list);
}

bool announces_body(const Headers& headers) {
  if (headers.has(HeaderId::kTransferEncoding)) return true;
  return headers.has(HeaderId::kContentLength) && stated_length(headers, Sender::kBackend).value_or(1) != 0;
}

}  // namespace

bool ConnectionOptions::names(std::string_view header) const {
  return std::any_of(named.begin(), named.begin() + named_count,
                     [header](std::string_view name) { return equal_without_case(name, header); });
}

std::expected<ConnectionOptions, Fault> connection_options(const Headers& headers) {
  ConnectionOptions options;
  if (!headers.has(HeaderId::kConnection)) return options;
  for (const Header& header : headers) {
    if (header.id() != HeaderId::kConnection) continue;
    std::string_view list = header.value();
    while (const auto option = next_element(list)) {
      if (!is_token(*option) || !add_option(*option, options)) return std::unexpected(Fault::kConnectionOptions);
    }
  }
  return options;
}

bool keeps_alive(Version version, const ConnectionOptions& options) {
  if (options.close) return false;
  return version != Version::kHttp10 || options.keep_alive;
}

bool backend_keeps_alive(const ResponseHead& head, const ConnectionOptions& options, BodyFraming body) {
  if (body.kind == BodyKind::kUntilClose || body.kind == BodyKind::kTunnel) return false;
  if (head.status == 204 && announces_body(head.headers)) return false;  // some send that body all the same
  return keeps_alive(head.version, options);
}

bool is_hop_by_hop(const Header& header, const ConnectionOptions& options) {
  if (header.id() != HeaderId::kOther) return (bit(header.id()) & kEndsHere) != 0;
  return options.named_count != 0 && options.names(header.name());
}

std::expected<Expectation, Fault> expectation(const RequestHead& head, BodyFraming body) {
  const Headers& headers = head.headers;
  if (!headers.has(HeaderId::kExpect) || head.version == Version::kHttp10) return Expectation::kNone;
  if (headers.repeated(HeaderId::kExpect) || !equal_without_case(headers.value(HeaderId::kExpect), "100-continue")) {
    return std::unexpected(Fault::kExpectation);
  }
  const bool has_body = body.kind == BodyKind::kChunked || body.length != 0;
  return has_body ? Expectation::kContinue : Expectation::kNone;
}

bool wants_websocket(const RequestHead& head, const ConnectionOptions& options, BodyFraming body) {
  const Headers& headers = head.headers;
  if (!options.upgrade || head.method != Method::kGet || head.version == Version::kHttp10) return false;
  if (body != BodyFraming{} && body != BodyFraming{BodyKind::kLength}) return false;
  if (headers.repeated(HeaderId::kUpgrade) || headers.repeated(HeaderId::kSecWebsocketKey)) return false;
  return one_element_is(headers.value(HeaderId::kUpgrade), "websocket") &&
         !headers.value(HeaderId::kSecWebsocketKey).empty() && headers.value(HeaderId::kSecWebsocketVersion) == "13";
}

bool accepts_websocket(const ResponseHead& head, const ConnectionOptions& options) {
  return head.status == 101 && options.upgrade && !head.headers.repeated(HeaderId::kUpgrade) &&
         one_element_is(head.headers.value(HeaderId::kUpgrade), "websocket");
}

}  // namespace cardea::l7::http
