#include "dataplane/control/blocks.h"

#include <fmt/format.h>

#include <random>
#include <vector>

namespace cardea::dataplane {

Blocks::Blocks() {
  std::random_device random;
  const auto word = [&random] { return uint64_t{random()} << 32 | random(); };
  key_ = {word(), word()};
}

Result<> Blocks::set(Result<Sources> sources) {
  if (!sources) return std::unexpected(std::move(sources).error());
  if (sources->size() > BlockList::kMax) return fail(fmt::format("more than {} sources to block", BlockList::kMax));
  sources_ = std::move(*sources);
  return {};
}

bool Blocks::expire(Instant now) {
  return std::erase_if(sources_, [now](const auto& one) { return one.second <= now; }) != 0;
}

std::unique_ptr<const BlockList> Blocks::list() const {
  if (sources_.empty()) return nullptr;
  std::vector<IpAddress> all;
  for (const auto& [source, until] : sources_) all.push_back(source);
  return std::make_unique<const BlockList>(key_, all);
}

}  // namespace cardea::dataplane
