// The kernel's view of where packets go, as values: its routes over our TAPs, its neighbours there, and the hop table
// that follows from both. Pure: netlink is read elsewhere (control/kernel_follower).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/ip.h"
#include "dataplane/state/hops.h"
#include "dataplane/state/neighbours.h"
#include "dataplane/state/path_mtus.h"

namespace cardea::dataplane {

struct KernelRoute {
  Prefix destination;
  uint32_t metric = 0;
  bool reachable = true;  // false: blackhole, unreachable, prohibit
  uint16_t port = 0;      // index in the plan's ports
  std::optional<IpAddress> gateway;

  auto operator<=>(const KernelRoute&) const = default;
};

struct PortLink {
  std::array<uint8_t, 6> mac{};
  uint16_t mtu = 1500;
  bool operator==(const PortLink&) const = default;
};

// Hops: one for each connected network's port, one for each gateway, one for each known neighbour on a connected
// network, one for each destination whose way is narrower than its port. More hops than a HopId can name, or than `hops_max`, are left out: their packets wait or are dropped as
// unresolved.
HopTable build_hop_table(std::span<const KernelRoute> routes, const Neighbours& neighbours,
                         std::span<const PortLink> links, uint32_t hops_max, const PathMtus& path_mtus = {});

}  // namespace cardea::dataplane
