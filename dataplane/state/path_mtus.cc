// Learning and forgetting.
#include "dataplane/state/path_mtus.h"

#include <algorithm>

namespace cardea::dataplane {

bool PathMtus::knows(const IpAddress& destination, uint16_t mtu) const {
  const auto way = ways_.find(destination);
  return way != ways_.end() && way->second.mtu <= mtu;
}

bool PathMtus::learn(const IpAddress& destination, uint16_t mtu, Instant now) {
  if (knows(destination, mtu)) return false;
  if (!ways_.contains(destination) && ways_.size() == kMax)
    ways_.erase(std::ranges::min_element(ways_, {}, [](const auto& way) { return way.second.since; }));
  ways_.insert_or_assign(destination, Way{mtu, now});
  return true;
}

bool PathMtus::expire(Instant now) {
  return std::erase_if(ways_, [&](const auto& way) { return now - way.second.since >= kLife; }) > 0;
}

}  // namespace cardea::dataplane
