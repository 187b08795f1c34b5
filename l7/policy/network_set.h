// Networks of either family as disjoint ranges, in their order. Whether an address is in one of them is a look at where
// those of its first sixteen bits begin, and a bisection among these: of a million networks some fifteen.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/ip.h"

namespace cardea::l7::policy {

// Of one family, whose addresses are numbers.
template <typename Number>
class RangeSet {
 public:
  struct Range {
    Number first, last;
  };

  RangeSet() = default;
  explicit RangeSet(std::vector<Range> ranges);
  bool has(Number asked) const;
  size_t size() const { return ranges_.size(); }

 private:
  static constexpr unsigned kShift = sizeof(Number) * 8 - 16;

  std::vector<Range> ranges_;
  std::vector<uint32_t> from_;  // for each sixteen bits, the first range that does not end before them; one more at the end
};

class NetworkSet {
 public:
  NetworkSet() = default;
  explicit NetworkSet(const std::vector<Prefix>& networks);

  bool has(const IpAddress& address) const;
  bool empty() const { return ranges() == 0; }
  size_t ranges() const { return v4_.size() + v6_.size(); }

 private:
  RangeSet<uint32_t> v4_;
  RangeSet<unsigned __int128> v6_;
};

// "192.0.2.0/24", or an address by itself; one a line, '#' and ';' before comments, behind an address too. An Error names
// the line.
Result<std::vector<Prefix>> read_networks(std::string_view text);

}  // namespace cardea::l7::policy
