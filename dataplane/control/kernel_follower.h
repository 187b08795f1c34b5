// Follows the kernel's routes and neighbours on our TAPs, and asks it to resolve the neighbours we need. Control thread
// only. Changes are read as they come; the route table is read whole again after any change, which callers space out.
#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "dataplane/control/netlink.h"
#include "dataplane/state/kernel_routes.h"
#include "dataplane/state/neighbours.h"

namespace cardea::dataplane {

class KernelFollower {
 public:
  // `tap_indexes`: the kernel's interface number of each port's TAP, in the plan's order.
  static Result<KernelFollower> start(std::vector<int> tap_indexes, uint32_t neighbours_max, Instant now);

  int fd() const { return events_.fd(); }

  // Reads what has arrived. changed() tells whether the hop table has to be built anew.
  Result<> read(Instant now);
  Result<> refresh_routes();
  bool routes_stale() const { return routes_stale_; }

  // Neighbours that became interesting: `key` is asked for unless that was done a moment ago.
  void ask(const Neighbours::Key& key, Instant now);
  // Sets what the plan needs; the kernel keeps those resolved by itself (managed neighbours, Linux 5.16).
  void need(const std::set<Neighbours::Key>& keys, Instant now);
  void tick(Instant now);

  // Since it was last asked: neighbours or routes that the workers look up are different.
  bool take_changed() { return std::exchange(changed_, false); }
  // Since it was last asked, and at first: one of the interfaces may be another than it was.
  bool take_links_changed() { return std::exchange(links_changed_, false); }
  // Since it was last asked: an address or a default route was taken off one of the interfaces, by whomever.
  bool take_settings_lost() { return std::exchange(settings_lost_, false); }

  const std::vector<KernelRoute>& routes() const { return routes_; }
  const Neighbours& neighbours() const { return neighbours_; }

 private:
  KernelFollower(Netlink events, Netlink requests, std::vector<int> tap_indexes, uint32_t neighbours_max)
      : events_(std::move(events)),
        requests_(std::move(requests)),
        tap_indexes_(std::move(tap_indexes)),
        neighbours_(neighbours_max) {}

  void take(const nlmsghdr& message, Instant now);
  void take_neighbour(const nlmsghdr& message, Instant now);
  Result<> dump_neighbours(Instant now);
  void request_neighbour(const Neighbours::Key& key, bool managed);
  void forget_neighbour(const Neighbours::Key& key);

  Netlink events_, requests_;
  std::vector<int> tap_indexes_;
  std::vector<KernelRoute> routes_;
  Neighbours neighbours_;
  bool routes_stale_ = true, changed_ = true, links_changed_ = true, settings_lost_ = false;
};

}  // namespace cardea::dataplane
