// Backends for which no NAT source was found a moment ago (path/nat_source.h): such a search costs as much as many packets,
// so there is one for each backend and moment. What two share an entry of is forgotten and searched for again.
#pragma once

#include <array>
#include <cstdint>

#include "base/ip.h"
#include "dataplane/state/slots.h"

namespace cardea::dataplane {

class FailedSearches {
 public:
  bool has(SlotId slot, Protocol protocol, uint32_t now_ms) const {
    return entry(slot, protocol) == Entry{slot, now_ms, protocol};
  }
  void add(SlotId slot, Protocol protocol, uint32_t now_ms) {
    entries_[place(slot, protocol)] = {slot, now_ms, protocol};
  }

 private:
  struct Entry {
    SlotId slot = kNoSlot;
    uint32_t now_ms = 0;
    Protocol protocol{};
    bool operator==(const Entry&) const = default;
  };
  static constexpr size_t kEntries = 1024;

  static size_t place(SlotId slot, Protocol protocol) {
    return (size_t{slot} * 2 + (protocol == Protocol::kUdp)) % kEntries;
  }
  const Entry& entry(SlotId slot, Protocol protocol) const { return entries_[place(slot, protocol)]; }

  std::array<Entry, kEntries> entries_;
};

}  // namespace cardea::dataplane
