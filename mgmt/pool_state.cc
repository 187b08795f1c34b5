#include "mgmt/pool_state.h"

#include <algorithm>
#include <numeric>
#include <string_view>
#include <unordered_map>

namespace cardea::mgmt {
namespace {

// A member's key is a hash of its name (SHA-256), the same in every pool: worth remembering while a plan is made.
class MemberKeys {
 public:
  explicit MemberKeys(HashKey key) : key_(key) {}

  uint64_t of(const Endpoint& backend) {
    std::string name = backend.text();
    const auto found = keys_.find(name);
    if (found != keys_.end()) return found->second;
    return keys_.emplace(std::move(name), ring_member_key(key_, backend.text())).first->second;
  }

 private:
  HashKey key_;
  std::unordered_map<std::string, uint64_t> keys_;
};

RingRequest ring_request(const conf::Pool& pool, std::span<const Standing> standings, MemberKeys& keys) {
  RingRequest request{{}, pool.ring_slots()};
  request.members.reserve(pool.backends.size());
  for (size_t i = 0; i < pool.backends.size(); ++i)
    request.members.push_back({keys.of(pool.backends[i].address), standings[i].ring_weight()});
  return request;
}

std::vector<Standing> standings_of(const conf::Pool& pool, const Runtime& runtime) {
  std::vector<Standing> standings;
  standings.reserve(pool.backends.size());
  for (const auto& backend : pool.backends) standings.push_back(runtime.standing_of(pool, backend));
  return standings;
}

double weight_share(std::span<const Standing> backends, size_t backend) {
  uint64_t all = 0;
  for (const auto& one : backends) all += one.ring_weight();
  return all == 0 ? 0 : double(backends[backend].ring_weight()) / double(all);
}

}  // namespace

size_t PoolState::backends_up() const {
  return size_t(std::ranges::count(backends, State::kUp, &Standing::state));
}

double PoolState::share_of(size_t backend) const {
  if (!ring) return weight_share(backends, backend);
  return double(ring->slots_of[backend]) / double(ring->slots.size());
}

HashKey hash_key(const conf::Cluster& cluster) {
  return HashKey::from_seed(cluster.seed.empty() ? cluster.name : cluster.seed);
}

Result<std::vector<PoolState>> pool_states(const conf::Config& config, std::span<const size_t> pools,
                                           const Runtime& runtime, RingCache& cache) {
  MemberKeys keys(hash_key(config.cluster));
  std::vector<PoolState> states(pools.size());
  std::vector<RingRequest> requests;
  std::vector<PoolState*> wanting;
  for (size_t i = 0; i < pools.size(); ++i) {
    const auto& pool = config.pools[pools[i]];
    states[i].backends = standings_of(pool, runtime);
    states[i].panic = judge_together(pool, states[i].backends);
    if (!pool.has_ring()) continue;
    requests.push_back(ring_request(pool, states[i].backends, keys));
    wanting.push_back(&states[i]);
  }
  auto rings = cache.rings(requests);
  if (!rings) return std::unexpected(std::move(rings.error()));
  for (size_t i = 0; i < wanting.size(); ++i) wanting[i]->ring = std::move((*rings)[i]);
  return states;
}

Result<std::vector<PoolState>> pool_states(const conf::Config& config, const Runtime& runtime, RingCache& cache) {
  std::vector<size_t> all(config.pools.size());
  std::iota(all.begin(), all.end(), size_t{0});
  return pool_states(config, all, runtime, cache);
}

Result<PoolState> pool_state(const conf::Config& config, size_t pool, const Runtime& runtime, RingCache& cache) {
  auto states = pool_states(config, std::span(&pool, 1), runtime, cache);
  if (!states) return std::unexpected(std::move(states.error()).in("pool " + config.pools[pool].name));
  return std::move((*states)[0]);
}

}  // namespace cardea::mgmt
