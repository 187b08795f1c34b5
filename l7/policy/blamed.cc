#include "l7/policy/blamed.h"

#include <utility>

namespace cardea::l7::policy {

bool Blamed::add(const IpAddress& client, uint32_t block_ms, const std::string& limit) {
  const std::lock_guard lock(mutex_);
  const auto known = all_.find(client);
  if (known == all_.end() && all_.size() >= kRoom) return false;
  if (known == all_.end() || known->second.block_ms < block_ms) all_.insert_or_assign(client, One{client, block_ms, limit});
  return true;
}

std::vector<Blamed::One> Blamed::take() {
  std::map<IpAddress, One> taken;
  {
    const std::lock_guard lock(mutex_);
    taken = std::exchange(all_, {});
  }
  std::vector<One> all;
  all.reserve(taken.size());
  for (auto& [client, one] : taken) all.push_back(std::move(one));
  return all;
}

}  // namespace cardea::l7::policy
