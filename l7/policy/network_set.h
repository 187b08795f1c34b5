// Networks of either family as disjoint ranges, in their order: whether an address is in one of them is a bisection,
// some twenty steps among a million.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/ip.h"

namespace cardea::l7::policy {

class NetworkSet {
 public:
  NetworkSet() = default;
  explicit NetworkSet(std::vector<Prefix> networks);

  bool has(const IpAddress& address) const;
  bool empty() const { return of_[0].empty() && of_[1].empty(); }
  size_t ranges() const { return of_[0].size() + of_[1].size(); }

 private:
  using Number = unsigned __int128;
  struct Range {
    Number first, last;
  };
  static Number number(const IpAddress& address);
  static Range range(const Prefix& network);

  // Mapped into IPv6, IPv4 would be part of its wide networks, and is none of them.
  std::array<std::vector<Range>, 2> of_;  // IPv6, IPv4
};

// "192.0.2.0/24", or an address by itself; one a line, '#' and ';' before comments, behind an address too. An Error names
// the line.
Result<std::vector<Prefix>> read_networks(std::string_view text);

}  // namespace cardea::l7::policy
