#include "base/flow_hash.h"

#include <openssl/evp.h>

#include <array>
#include <utility>

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

// Words of eight bytes, then what is left of them with the length, as SipHash itself ends.
uint64_t text_hash(HashKey key, std::string_view text, std::string_view rest) {
  flow_hash_detail::Sip sip(key);
  uint64_t word = 0, length = 0;
  for (const std::string_view part : {text, rest})
    for (const char c : part) {
      word |= uint64_t(uint8_t(c)) << 8 * (length & 7);
      if ((++length & 7) == 0) sip.add(std::exchange(word, 0));
    }
  sip.add(word | length << 56);
  return sip.finish();
}

}  // namespace cardea
