// How many new connections a key may make (rate_limits[].connections). A client's address is known as it connects, so that
// a service's limits that go by it are asked then, before TLS costs anything; for others a connection counts with its first
// request of a key.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "base/ip.h"
#include "base/flow_hash.h"

namespace cardea::l7::policy {
struct RateLimit;
}

namespace cardea::l7::proxy {

class Shard;
struct LiveService;

// The keys that a connection was counted for. One that carries more than there is room for is counted again for those that
// it comes back to.
class CountedKeys {
 public:
  bool has(uint64_t key) const;
  void add(uint64_t key);

 private:
  std::array<uint64_t, 8> keys_{};
  size_t next_ = 0;
};

// Of IPv6 its /64: a client has as many addresses there as it likes.
IpAddress counted_address(IpAddress client);
// What a limit that goes by a client's address knows it by.
uint64_t address_key(HashKey key, const IpAddress& client, const policy::RateLimit& limit);

// False: it is one too many, and that is counted. A peer that other clients' requests come from is nobody's client yet.
// `connected`: it is the client's own address that the connection comes from.
bool keep_connection_limits(Shard& shard, const LiveService& service, const IpAddress& client,
                            std::unique_ptr<CountedKeys>& counted, bool connected);

}  // namespace cardea::l7::proxy
