// What policies read of outside: requests' headers by which clients are told apart, and files that operators keep. The
// first byte says which.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/header_line.h"
#include "l7/http/header_changes.h"
#include "l7/http/parse_head.h"
#include "l7/policy/cors.h"
#include "l7/policy/error_pages.h"
#include "l7/policy/network_set.h"
#include "l7/policy/trusted_proxies.h"
#include "l7/policy/users.h"

namespace {

using namespace cardea;
using namespace cardea::l7;

// What is set can end no line, and what is written of its pieces is its text.
void read_line(std::string_view text) {
  const auto line = read_header_line(text, Moment::kResponse);
  if (!line) return;
  CHECK(check_header_name(line->name).has_value());
  for (const Template::Piece& piece : line->value.pieces()) CHECK(piece.text.find_first_of("\r\n") == piece.text.npos);
  http::NameSet names;
  names.add(line->name);
  CHECK(names.names(line->name));
}

// Every network of a file is in the set that is made of them, from its first address to its last.
void read_network_file(std::string_view text) {
  const auto networks = policy::read_networks(text);
  if (!networks) return;
  const policy::NetworkSet set(*networks);
  for (const Prefix& network : *networks) CHECK(set.has(network.address));
}

void read_password(std::string_view text) {
  std::string room(text.size(), '\0');
  const auto credentials = policy::read_credentials(text, room);
  if (!credentials) return;
  CHECK(credentials->name.find(':') == std::string_view::npos && credentials->name.size() < text.size());
  policy::Verdicts verdicts;
  CHECK(!verdicts.find(*credentials, "hash"));
  verdicts.keep(*credentials, "hash", true);
  CHECK(verdicts.find(*credentials, "hash") == true);
}

const policy::TrustedProxies& trusting(const char* header) {
  settings::TrustedProxiesT from;
  from.from = {"10.0.0.0/8", "2001:db8::/32"};
  from.header = header;
  static const policy::TrustedProxies lists = *policy::TrustedProxies::read(from);
  static const policy::TrustedProxies forwarded = [] {
    settings::TrustedProxiesT of;
    of.from = {"10.0.0.0/8"}, of.header = "Forwarded";
    return *policy::TrustedProxies::read(of);
  }();
  return std::string_view(header) == "Forwarded" ? forwarded : lists;
}

policy::ToldByProxy told(const policy::TrustedProxies& by, std::string_view fields, http::RequestHead& head,
                         std::string& text) {
  text = "GET / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n";
  http::HeadScan scan;
  if (!http::parse_request_head(text, {}, scan, head).done()) return {};
  return by.told(head.headers);
}

// What stands left of a stranger changes nothing, whatever it is.
void hear(std::string_view fields, const char* header) {
  static http::RequestHead head;
  const policy::TrustedProxies& trusted = trusting(header);
  std::string text;
  const policy::ToldByProxy heard = told(trusted, fields, head, text);
  CHECK(heard.scheme.empty() || heard.scheme == "http" || heard.scheme == "https");
  if (!heard.client || trusted.trusts(*heard.client) || head.headers.size() > 100) return;
  const std::string more = std::string(header) + ": 9.9.9.9, for=9.9.9.9\r\n" + std::string(fields);
  const policy::ToldByProxy again = told(trusted, more, head, text);
  CHECK(!again.client || again.client == heard.client);
}

void ask_origin(std::string_view text) {
  static const policy::Cors cors = [] {
    settings::CorsT from;
    from.origins = {"https://app.example", "https://*.shop.example"};
    return *policy::Cors::read(from);
  }();
  if (!cors.allows(text)) return;
  CHECK(text == "https://app.example" || (text.starts_with("https://") && text.ends_with(".shop.example")));
}

void write_page(std::string_view text) {
  const policy::ErrorPage page = policy::ErrorPage::of(text, "text/html");
  std::string room(page.size(3, 9), '\0');
  CHECK(page.write("503", "no_answer", room.data()).size() == room.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 'l':
      read_line(text);
      break;
    case 'n':
      read_network_file(text);
      break;
    case 'u':
      (void)policy::Users::read(text);
      break;
    case 'p':
      read_password(text);
      break;
    case 'x':
      hear(text, "X-Forwarded-For");
      break;
    case 'f':
      hear(text, "Forwarded");
      break;
    case 'o':
      ask_origin(text);
      break;
    case 'e':
      write_page(text);
      break;
    default:
      break;
  }
  return 0;
}
