// What leaves at one moment as Linux would hand it to a device that cuts: new data of several whole segments is one
// packet, and so is what is sent again as far as it left in one before. Suites expect packets as Linux makes them.
#pragma once

#include <optional>
#include <set>
#include <vector>

#include "base/bytes.h"
#include "l7/tcp/segment.h"

namespace cardea::packetdrill {

class SegmentOffload {
 public:
  // Whether `next` became part of `packet`, which left before it and holds so far no more than it may.
  bool merge(std::vector<std::byte>& packet, Bytes next, bool again, uint32_t mss, uint32_t most);
  // `packet` goes as it is.
  void leaves(Bytes packet, bool again);

 private:
  bool may_join(const l7::tcp::Segment& first, const l7::tcp::Segment& second, bool again) const;

  std::set<uint32_t> joints_;       // where a segment joined another, and nothing has parted them since
  std::optional<uint32_t> cut_at_;  // where what was sent again ends, if nothing joins it
  bool last_was_again_ = false;
};

// The same without PSH.
void take_push_off(std::vector<std::byte>& packet);
// A SYN with no larger MSS than that (TCP_MAXSEG); everything else as it is.
void clamp_mss(std::vector<std::byte>& packet, uint16_t most);

}  // namespace cardea::packetdrill
