#include "l7/policy/access.h"

namespace cardea::l7::policy {

// An empty file allows nobody.
Result<Access> Access::read(const settings::AccessT& from, FileBook& files) {
  Access to;
  auto deny = files.networks(from.deny, from.deny_files);
  if (!deny) return std::unexpected(std::move(deny.error()));
  to.deny_ = std::move(*deny);
  if (from.allow.empty() && from.allow_files.empty()) return to;
  auto allow = files.networks(from.allow, from.allow_files);
  if (!allow) return std::unexpected(std::move(allow.error()));
  to.allow_ = std::move(*allow);
  return to;
}

}  // namespace cardea::l7::policy
