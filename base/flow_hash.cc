#include "base/flow_hash.h"

#include <openssl/evp.h>

#include <array>

#include "base/check.h"

namespace cardea {

HashKey HashKey::from_seed(std::string_view seed) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  CHECK(EVP_Digest(seed.data(), seed.size(), digest.data(), &size, EVP_sha256(), nullptr) == 1 && size == 32);
  return {load_native<uint64_t>(digest.data()), load_native<uint64_t>(digest.data() + 8)};
}

uint64_t flow_hash(HashKey key, const FlowTuple& tuple) {
  if (tuple.source.is_v4() && tuple.destination.is_v4())
    return flow_hash_v4(key, load_native<uint32_t>(tuple.source.v4_data()),
                        load_native<uint32_t>(tuple.destination.v4_data()), tuple.source_port_be,
                        tuple.destination_port_be, tuple.protocol);
  return flow_hash_v6(key, tuple.source.bytes.data(), tuple.destination.bytes.data(), tuple.source_port_be,
                      tuple.destination_port_be, tuple.protocol);
}

}  // namespace cardea
