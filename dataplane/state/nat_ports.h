// Which source ports a worker may give to fullnat flows: those with (port - first) % workers equal to its index, so
// that a reply's destination port names its owner. A port is free for a flow when the reply's tuple is not in the flow
// table; the same port serves many backends at once. A search goes on where the last one ended, so that a port rests
// longest before it comes back; its second half leaps over the whole range, for ports in use stand side by side.
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

  static constexpr uint32_t kTriesMax = 128, kInOrder = 64;
  uint32_t count() const { return count_; }
  // Of a search over this many addresses: all there is, up to the bound.
  uint32_t tries(uint32_t addresses) const {
    const uint64_t all = uint64_t{count_} * addresses;
    return all < kTriesMax ? uint32_t(all) : kTriesMax;
  }

  // The port for a search's try number `nth`, host order. Precondition: count() > 0.
  uint16_t next(uint32_t nth) {
    if (nth < kInOrder || count_ <= kTriesMax) return at(cursor_ = step(cursor_, 1));
    return at(leap_ = step(leap_, uint32_t(uint64_t{count_} * 618 / 1000)));  // the golden ratio leaves no gaps
  }
  static uint32_t owner(uint16_t port, uint16_t first, uint32_t workers) { return (uint32_t(port) - first) % workers; }

 private:
  uint32_t step(uint32_t from, uint32_t by) const { return (from + by) % count_; }
  uint16_t at(uint32_t nth) const { return uint16_t(first_ + offset_ + nth * stride_); }

  uint32_t first_ = 0, stride_ = 1, offset_ = 0, count_ = 0;
  uint32_t cursor_ = 0, leap_ = 0;
};

}  // namespace cardea::dataplane
