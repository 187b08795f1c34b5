// Netlink's route and neighbour messages as values. Messages about interfaces that are not ours, or of kinds that lead
// no packets, give nothing. And which other messages are about our interfaces.
#pragma once

#include <linux/netlink.h>

#include <optional>
#include <span>

#include "dataplane/control/netlink.h"
#include "dataplane/state/kernel_routes.h"
#include "dataplane/state/neighbours.h"

namespace cardea::dataplane {

std::optional<KernelRoute> read_route(const nlmsghdr& message, std::span<const int> tap_indexes);

struct NeighbourReport {
  Neighbours::Key key;
  Neighbours::Report report{};
  std::array<uint8_t, 6> mac{};
};
std::optional<NeighbourReport> read_neighbour(const nlmsghdr& message, std::span<const int> tap_indexes);

// Whether a message about a link, or an address, is about one of these interfaces.
bool is_of_link(const nlmsghdr& message, std::span<const int> indexes);
bool is_of_address(const nlmsghdr& message, std::span<const int> indexes);
// A default route of the main table by one of them.
bool is_default_route(const nlmsghdr& message, std::span<const int> indexes);

}  // namespace cardea::dataplane
