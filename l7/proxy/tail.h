// Somebody looks on as exchanges end: what a filter lets through goes, as lines of JSON, into a ring of each shard's, and
// is taken from there by the control thread. A shard never waits: what does not fit is dropped, and said.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/exchange_filter.h"
#include "l7/log/byte_ring.h"
#include "l7/proxy/record.h"

namespace cardea::l7::proxy {

class Tail {
 public:
  static constexpr uint32_t kRingBytes = 512 << 10;  // a shard's

  Tail(std::optional<ExchangeFilter> filter, size_t shards);

  void see(Shard& shard, const Record& record);  // the shard's own thread
  // One other thread. Appends whole lines, without their newlines, until there are `most` of them.
  void take(std::vector<std::string>& lines, size_t most);
  uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
  const std::optional<ExchangeFilter> filter_;
  std::vector<std::unique_ptr<ByteRing>> rings_;
  std::atomic<uint64_t> dropped_ = 0;
};

}  // namespace cardea::l7::proxy
