// Which source ports a worker may give to fullnat flows: those with (port - first) % workers equal to its index, so
// that a reply's destination port names its owner. A port is free for a flow when the reply's tuple is not in the flow
// table, or is that of a flow which closed a while ago; the same port serves many backends at once. The search starts where the last one ended and is bounded.
#pragma once

#include <cstdint>

namespace cardea::dataplane {

class NatPorts {
 public:
  NatPorts() = default;
  NatPorts(uint16_t first, uint16_t last, uint32_t workers, uint32_t worker)
      : first_(first),
        stride_(workers),
        offset_(worker),
        count_(last < first + worker ? 0 : (uint32_t(last) - first - worker) / workers + 1) {}

  static constexpr uint32_t kTriesMax = 128;
  uint32_t count() const { return count_; }
  uint32_t tries() const { return count_ < kTriesMax ? count_ : kTriesMax; }

  // The next port to try, host order. Precondition: count() > 0.
  uint16_t next() {
    if (++cursor_ >= count_) cursor_ = 0;
    return uint16_t(first_ + offset_ + cursor_ * stride_);
  }
  static uint32_t owner(uint16_t port, uint16_t first, uint32_t workers) { return (uint32_t(port) - first) % workers; }

 private:
  uint32_t first_ = 0, stride_ = 1, offset_ = 0, count_ = 0, cursor_ = 0;
};

}  // namespace cardea::dataplane
