// Whom nobody may have blocked, whatever a limit says of it: whom the operator names, who speaks for others, and what this
// host itself needs. Pure.
#pragma once

#include <set>
#include <vector>

#include "conf/config.h"

namespace cardea::mgmt {

class Exempt {
 public:
  Exempt() = default;
  // `own`: addresses of this host.
  Exempt(const conf::Config& config, const std::vector<IpAddress>& own);

  // `source`: an address, of IPv6 the first one of a /64: all of it.
  bool has(const IpAddress& source) const;

 private:
  void add(const Prefix& network);

  std::set<IpAddress> hosts_;  // and the first addresses of networks /64
  std::vector<Prefix> networks_;
};

std::vector<IpAddress> addresses_of_this_host();

}  // namespace cardea::mgmt
