#include "l7/policy/basic_auth.h"

#include <fmt/format.h>

namespace cardea::l7::policy {
namespace {

// RFC 9110 5.6.4.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

}  // namespace

Result<BasicAuth> BasicAuth::read(const settings::BasicAuthT& from, FileBook& files) {
  auto users = files.users(from.users);
  if (!users) return std::unexpected(std::move(users.error()));
  BasicAuth to;
  to.users = std::move(*users);
  to.challenge = fmt::format("WWW-Authenticate: Basic realm={}, charset=\"UTF-8\"\r\n", quoted(from.realm));
  return to;
}

}  // namespace cardea::l7::policy
