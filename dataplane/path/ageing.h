// How much of the flow table to look at for flows that are to end: all of it once a second, in steps that do not grow
// with the table. A worker that slept, or that has ten million flows, makes up for it over its next turns; a full table
// at a packet's pace of 125,000 turns a second is seen every 1.3 s. Times are milliseconds that may wrap.
#pragma once

#include <algorithm>
#include <cstdint>

namespace cardea::dataplane {

class Ageing {
 public:
  static constexpr uint32_t kGroupsAStep = 64;  // some 2 µs
  static constexpr uint32_t kRoundMs = 1000;

  // Groups to look at now, of a table of `groups`.
  uint32_t due(uint32_t now_ms, uint32_t groups) {
    const uint32_t passed = std::min(now_ms - seen_ms_, kRoundMs);
    seen_ms_ = now_ms;
    if (passed != 0) owed_ = std::min<uint64_t>(groups, owed_ + passed * (groups / kRoundMs + 1ull));
    const auto step = uint32_t(std::min<uint64_t>(owed_, kGroupsAStep));
    owed_ -= step;
    return step;
  }
  bool is_behind() const { return owed_ != 0; }

 private:
  uint32_t seen_ms_ = 0;
  uint64_t owed_ = 0;  // groups
};

}  // namespace cardea::dataplane
