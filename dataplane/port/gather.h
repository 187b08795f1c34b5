// Packets for a device that makes a system call of every send, held back for a moment so that one call takes many: at
// full load a worker's bursts are of three or four packets, and a call for each of them costs a quarter of its rate.
// Whoever sends asks now and then whether it is due; a turn that brought no packets always is, so that a packet alone
// waits for one look at the queues and no longer.
#pragma once

#include <cstdint>

struct rte_mbuf;

namespace cardea::dataplane {

class Gather {
 public:
  static constexpr uint16_t kMax = 64;
  static constexpr uint32_t kPatienceUs = 30;

  // Takes as many as fit and returns their number.
  uint16_t add(rte_mbuf** packets, uint16_t count, uint64_t now) {
    if (count_ == 0) since_ = now;
    const auto taken = count < kMax - count_ ? count : uint16_t(kMax - count_);
    for (uint16_t i = 0; i < taken; ++i) packets_[count_ + i] = packets[i];
    count_ = uint16_t(count_ + taken);
    return taken;
  }

  bool empty() const { return count_ == 0; }
  bool full() const { return count_ == kMax; }
  // `patience`: in the clock's ticks.
  bool due(bool busy, uint64_t now, uint64_t patience) const {
    return count_ != 0 && (!busy || full() || now - since_ >= patience);
  }

  rte_mbuf** packets() { return packets_; }
  uint16_t take_all() {
    const uint16_t count = count_;
    count_ = 0;
    return count;
  }

 private:
  uint64_t since_ = 0;  // of the oldest
  uint16_t count_ = 0;
  rte_mbuf* packets_[kMax];
};

}  // namespace cardea::dataplane
