#include "l7/policy/basic_auth.h"

#include <fmt/format.h>

#include "l7/policy/read_file.h"

namespace cardea::l7::policy {
namespace {

constexpr size_t kFileBytesMax = 16 << 20;

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

Result<BasicAuth> BasicAuth::read(const settings::BasicAuthT& from) {
  const auto text = read_file(from.users, kFileBytesMax);
  if (!text) return std::unexpected(text.error());
  auto users = Users::read(*text);
  if (!users) return std::unexpected(std::move(users.error()).in(from.users));
  BasicAuth to;
  to.users = std::make_shared<const Users>(std::move(*users));
  to.challenge = fmt::format("WWW-Authenticate: Basic realm={}, charset=\"UTF-8\"\r\n", quoted(from.realm));
  return to;
}

}  // namespace cardea::l7::policy
