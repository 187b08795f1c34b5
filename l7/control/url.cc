#include "l7/control/url.h"

#include <fmt/format.h>

#include "l7/http/authority.h"

namespace cardea::l7 {

Result<Url> parse_url(std::string_view text) {
  const auto bad = [&](const char* why) {
    return fail(fmt::format("\"{}\" is no URL like https://shop.com/path: {}", text, why), Origin::kOperator);
  };
  Url url;
  const size_t colon = text.find("://");
  if (colon == text.npos) return bad("it has no scheme");
  url.scheme = text.substr(0, colon);
  if (url.scheme != "http" && url.scheme != "https") return bad("its scheme is neither http nor https");
  std::string_view rest = text.substr(colon + 3);
  if (rest.find('#') != rest.npos) return bad("a fragment never reaches a server");
  for (const char c : rest)
    if (c <= ' ' || c == 0x7f) return bad("it has a blank or a control byte");
  const size_t slash = rest.find_first_of("/?");
  const auto authority = http::parse_authority(rest.substr(0, slash));
  if (!authority) return bad("its host is no name or address");
  url.authority = authority->text;
  url.host = authority->host;
  url.port = authority->port != 0 ? authority->port : url.scheme == "https" ? 443 : 80;
  rest = slash == rest.npos ? std::string_view() : rest.substr(slash);
  const size_t question = rest.find('?');
  url.path = rest.substr(0, question);
  if (url.path.empty()) url.path = "/";
  url.has_query = question != rest.npos;
  if (url.has_query) url.query = rest.substr(question + 1);
  return url;
}

}  // namespace cardea::l7
