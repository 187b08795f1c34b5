#include "l7/http/authentication.h"

#include <algorithm>

#include "l7/http/fields.h"

namespace cardea::l7::http {
namespace {

constexpr uint64_t kCredentials = header_set(HeaderId::kAuthorization, HeaderId::kProxyAuthorization);
constexpr uint64_t kChallenges = header_set(HeaderId::kWwwAuthenticate, HeaderId::kProxyAuthenticate);
constexpr std::string_view kSchemes[] = {"NTLM", "Negotiate", "Nego2"};

bool begins_with_scheme(std::string_view text) {
  const std::string_view word = text.substr(0, text.find_first_of(" \t"));
  return std::ranges::any_of(kSchemes, [word](std::string_view its) { return equal_without_case(word, its); });
}

// Challenges share their commas with the parameters in them; a parameter is no scheme's name.
bool offers_scheme(std::string_view challenges) {
  while (const auto element = next_element(challenges)) {
    if (begins_with_scheme(*element)) return true;
  }
  return false;
}

}  // namespace

bool binds_connection(const Headers& headers) {
  if ((headers.present() & (kCredentials | kChallenges)) == 0) return false;
  return std::ranges::any_of(headers, [](const Header& header) {
    if (bit(header.id()) & kCredentials) return begins_with_scheme(header.value());
    return (bit(header.id()) & kChallenges) != 0 && offers_scheme(header.value());
  });
}

}  // namespace cardea::l7::http
