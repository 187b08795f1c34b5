// Numbers of TCP's sequence space (RFC 9293 3.4): 32 bits that wrap, compared by their signed difference. Two numbers
// that are compared are never 2^31 apart: windows and send queues are smaller by design.
#pragma once

#include <cstdint>

namespace cardea::l7::tcp {

using Seq = uint32_t;

inline bool before(Seq a, Seq b) {
  return int32_t(a - b) < 0;
}
inline bool after(Seq a, Seq b) {
  return int32_t(a - b) > 0;
}
inline Seq later(Seq a, Seq b) {
  return before(a, b) ? b : a;
}
inline Seq earlier(Seq a, Seq b) {
  return before(a, b) ? a : b;
}

// Sequence numbers from `start` up to, not including, `end`.
struct SeqRange {
  Seq start = 0, end = 0;

  uint32_t size() const { return end - start; }
  bool empty() const { return start == end; }
  bool operator==(const SeqRange&) const = default;
};

}  // namespace cardea::l7::tcp
