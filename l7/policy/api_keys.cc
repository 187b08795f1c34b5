#include "l7/policy/api_keys.h"

#include <fmt/format.h>

#include "l7/policy/file_book.h"
#include "l7/policy/quoted.h"

namespace cardea::l7::policy {

Result<ApiKeys> ApiKeys::read(const settings::ApiKeysT& from, FileBook& files) {
  auto keys = files.api_keys(from.file);
  if (!keys) return std::unexpected(std::move(keys.error()));
  ApiKeys to;
  to.keys = std::move(*keys);
  to.header = from.header.empty() ? "X-API-Key" : from.header;
  to.query = from.query;
  to.challenge = fmt::format("WWW-Authenticate: ApiKey realm={}\r\n", quoted_text(from.realm));
  return to;
}

}  // namespace cardea::l7::policy
