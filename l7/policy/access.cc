#include "l7/policy/access.h"

#include <fmt/format.h>

#include "l7/policy/read_file.h"

namespace cardea::l7::policy {
namespace {

constexpr size_t kFileBytesMax = 128 << 20;

Result<NetworkSet> set_of(const std::vector<std::string>& texts, const std::vector<std::string>& files) {
  std::vector<Prefix> networks;
  for (const std::string& text : texts) {
    const auto network = Prefix::parse(text);
    if (!network) return fail(fmt::format("\"{}\" is no network", text));
    networks.push_back(*network);
  }
  for (const std::string& file : files) {
    const auto text = read_file(file, kFileBytesMax);
    if (!text) return std::unexpected(text.error());
    auto more = read_networks(*text);
    if (!more) return std::unexpected(std::move(more.error()).in(file));
    networks.insert(networks.end(), more->begin(), more->end());
  }
  return NetworkSet(networks);
}

}  // namespace

Result<Access> Access::read(const settings::AccessT& from) {
  auto allow = set_of(from.allow, from.allow_files), deny = set_of(from.deny, from.deny_files);
  if (!allow) return std::unexpected(std::move(allow.error()));
  if (!deny) return std::unexpected(std::move(deny.error()));
  Access to;
  to.allow_ = std::move(*allow);
  to.deny_ = std::move(*deny);
  to.limited_ = !from.allow.empty() || !from.allow_files.empty();
  return to;
}

}  // namespace cardea::l7::policy
