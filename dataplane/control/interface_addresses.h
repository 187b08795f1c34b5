// What the plan puts on the ports' kernel sides: addresses of ports, addresses of services, default routes. Applied as
// a difference to what was applied before, so that a reload touches only what changed and an operator's own addresses
// stay. On an interface that a port shares with the kernel what is ours bears our mark (IFA_PROTO, a route's protocol):
// what is there already stays as it is and whose it is, and what a killed process left is known again.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "base/error.h"
#include "base/ip.h"
#include "dataplane/control/netlink.h"
#include "dataplane/state/live_plan.h"

namespace cardea::dataplane {

struct TapAddress {
  uint16_t port = 0;  // index in the plan's ports
  Prefix prefix;
  bool service = false;  // answered for, never a source of the kernel's own packets when there is a choice
  auto operator<=>(const TapAddress&) const = default;
};
struct TapGateway {
  uint16_t port = 0;
  IpAddress gateway;
  auto operator<=>(const TapGateway&) const = default;
};
struct TapSettings {
  std::set<TapAddress> addresses;
  std::set<TapGateway> gateways;
};

// A service's address goes to the port whose network contains it, else to the first port. Pure.
TapSettings tap_settings(const LivePlan& plan);

class InterfaceAddresses {
 public:
  // `indexes`: the kernel's interface number of each port's kernel side, in the plan's order; `shared`: those ports
  // whose side is their own interface.
  InterfaceAddresses(Netlink netlink, std::vector<int> indexes, std::set<uint16_t> shared = {})
      : netlink_(std::move(netlink)), indexes_(std::move(indexes)), shared_(std::move(shared)) {}

  // What bears our mark on shared interfaces counts as applied from now on.
  Result<> find_own();
  // Goes on after a failure, so that one bad address does not keep the others away; the Error is the first.
  Result<> apply(const TapSettings& wanted);
  // apply(), where Linux may have taken some of it off shared interfaces, as it does when one is set down.
  Result<> restore(const TapSettings& wanted);
  // Takes what is ours off shared interfaces; a TAP takes its own with it.
  Result<> give_back();

 private:
  TapSettings applied_to_taps() const;
  // Whether it is ours now; false: somebody else's is there, and stays.
  Result<bool> set_address(const TapAddress& address, bool present);
  Result<bool> set_gateway(const TapGateway& gateway, bool present);
  uint16_t flags_to_set(uint16_t port) const;
  void take_address(const nlmsghdr& message);
  void take_gateway(const nlmsghdr& message);
  std::optional<uint16_t> shared_port(int index) const;

  Netlink netlink_;
  std::vector<int> indexes_;
  std::set<uint16_t> shared_;
  TapSettings applied_;
};

}  // namespace cardea::dataplane
