#include "l7/proxy/sources.h"

#include <algorithm>
#include <functional>

#include "base/client_network.h"
#include "l7/policy/random_key.h"

namespace cardea::l7::proxy {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

}  // namespace

Sources::Sources() : key_(policy::random_key()), tables_(std::make_unique<std::array<Table, 2>>()) {}

Sources::Place Sources::enter(std::string_view service, const IpAddress& client, uint32_t max) {
  const IpAddress name = IpAddress::v4(uint32_t(std::hash<std::string_view>()(service)));
  const uint64_t hash = flow_hash(key_, {.source = client_network(client), .destination = name});
  const uint32_t one = first(hash).fetch_add(1, kRelaxed), other = second(hash).fetch_add(1, kRelaxed);
  if (std::min(one, other) < max) return {*this, hash};
  leave(hash);
  return {};
}

void Sources::leave(uint64_t hash) {
  first(hash).fetch_sub(1, kRelaxed);
  second(hash).fetch_sub(1, kRelaxed);
}

}  // namespace cardea::l7::proxy
