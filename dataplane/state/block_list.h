// Sources that nothing is taken from for a while: single addresses of IPv4, networks /64 of IPv6, as cardea-mgmt names them
// (rate_limits[].block_for). Immutable, published to the workers when it changes; whose time is over is left out by the
// control thread (control/blocks.h), so that a look-up asks no clock: one multiplication and, as a rule, one cache line.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/flow_hash.h"
#include "base/ip.h"

namespace cardea::dataplane {

class BlockList {
 public:
  static constexpr size_t kMax = 1 << 16;

  // `key`: whom nobody outside knows, so that nobody chooses where its addresses lie.
  BlockList(HashKey key, std::span<const IpAddress> sources);

  size_t size() const { return size_; }
  bool has(const IpAddress& source) const {
    const uint64_t wanted = number_of(source);
    for (size_t at = place_of(wanted);; ++at) {
      const uint64_t there = table_[at & mask_];
      if (there == 0) return false;
      if (there == wanted) return true;
    }
  }

 private:
  // Of IPv4 beside all that IPv6 has for senders: ff00::/8 are groups. 0, which is nobody's, is an empty place.
  static uint64_t number_of(const IpAddress& source) {
    if (source.is_v4()) return 0xff00'0000'0000'0000 | load_native<uint32_t>(source.v4_data());
    return load_be64(source.bytes.data());
  }
  size_t place_of(uint64_t number) const {
    const auto product = (unsigned __int128)(number ^ key_.k0) * (key_.k1 | 1);
    return size_t(uint64_t(product >> 64) ^ uint64_t(product));
  }

  HashKey key_;
  size_t size_ = 0, mask_ = 0;
  std::vector<uint64_t> table_;  // at most a quarter full
};

}  // namespace cardea::dataplane
