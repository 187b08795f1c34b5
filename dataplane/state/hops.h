// Where packets leave to: the kernel's routes and neighbours as one immutable value, which control builds from netlink
// and workers look up. Routes are sorted disjoint ranges for each family; a known neighbour on a connected network is a
// range of one address inside it, so one binary search answers "which next hop" for every address.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/ip.h"

namespace cardea::dataplane {

using HopId = uint16_t;
inline constexpr HopId kNoHop = 0xffff;

enum class HopState : uint8_t {
  kResolved,    // send
  kUnresolved,  // `address` is being asked for: packets wait
  kOnLink,      // a connected network: the packet's own destination has to be asked for, packets wait
  kFailed,      // it does not answer: drop
};

struct Hop {
  std::array<uint8_t, 6> destination_mac{}, source_mac{};
  uint16_t port = 0;  // index in the plan's ports
  uint16_t mtu = 1500;
  HopState state = HopState::kUnresolved;
  IpAddress address;  // of the next hop; unspecified for kOnLink
  bool operator==(const Hop&) const = default;
};
static_assert(offsetof(Hop, destination_mac) == 0 && offsetof(Hop, source_mac) == 6, "as an Ethernet header starts");

// A destination and the hop that leads to it.
struct Route {
  Prefix prefix;
  HopId hop = kNoHop;  // kNoHop: known to be unreachable
};

class Routes {
 public:
  Routes() = default;
  // The longest prefix wins, as in the kernel; of equal prefixes the first in `routes`.
  explicit Routes(std::span<const Route> routes);

  HopId lookup(const IpAddress& address) const;
  size_t ranges() const { return v4_.size() + v6_.size(); }

 private:
  // A range starts here and ends before the next one's start.
  struct Range4 {
    uint32_t first;
    HopId hop;
  };
  struct Range6 {
    std::array<uint8_t, 16> first;
    HopId hop;
  };
  std::vector<Range4> v4_;
  std::vector<Range6> v6_;
};

struct HopTable {
  uint32_t generation = 1;  // another one for every published table, never 0: flows remember hops with it
  std::vector<Hop> hops;
  Routes routes;
  std::vector<HopId>
      slot_hops;  // slot → routes.lookup(its address); shorter than the plan's slots while control catches up

  HopId of_slot(uint32_t slot, const IpAddress& address) const {
    return slot < slot_hops.size() ? slot_hops[slot] : routes.lookup(address);
  }
};

}  // namespace cardea::dataplane
