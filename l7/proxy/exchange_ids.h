// Names of exchanges: 128 bits that no other shard, host or time will give out again, and from which nobody can tell the
// next; in the form that W3C's trace ids have. A counter under a key that was drawn at the shard's start.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/flow_hash.h"

namespace cardea::l7::proxy {

class ExchangeIds {
 public:
  using Id = std::array<char, 32>;
  using SpanId = std::array<char, 16>;

  explicit ExchangeIds(HashKey key) : key_(key) {}
  static ExchangeIds of_this_start();

  Id next();
  SpanId next_span();

 private:
  HashKey key_;
  uint64_t count_ = 0;
};

}  // namespace cardea::l7::proxy
