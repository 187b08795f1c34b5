// What the plan puts on the TAPs: addresses of ports, addresses of services, default routes. Applied as a difference to
// what was applied before, so that a reload touches only what changed and an operator's own addresses stay.
#pragma once

#include <compare>
#include <cstdint>
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
  InterfaceAddresses(Netlink netlink, std::vector<int> tap_indexes)
      : netlink_(std::move(netlink)), tap_indexes_(std::move(tap_indexes)) {}

  // Goes on after a failure, so that one bad address does not keep the others away; the Error is the first.
  Result<> apply(const TapSettings& wanted);

 private:
  Result<> set_address(const TapAddress& address, bool present);
  Result<> set_gateway(const TapGateway& gateway, bool present);

  Netlink netlink_;
  std::vector<int> tap_indexes_;
  TapSettings applied_;
};

}  // namespace cardea::dataplane
