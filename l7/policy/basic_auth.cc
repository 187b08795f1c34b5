#include "l7/policy/basic_auth.h"

#include <fmt/format.h>

#include "l7/policy/quoted.h"

namespace cardea::l7::policy {

Result<BasicAuth> BasicAuth::read(const settings::BasicAuthT& from, FileBook& files) {
  auto users = files.users(from.users);
  if (!users) return std::unexpected(std::move(users.error()));
  BasicAuth to;
  to.users = std::move(*users);
  to.challenge = fmt::format("WWW-Authenticate: Basic realm={}, charset=\"UTF-8\"\r\n", quoted_text(from.realm));
  return to;
}

}  // namespace cardea::l7::policy
