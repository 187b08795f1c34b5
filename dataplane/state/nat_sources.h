// The addresses that fullnat flows have towards backends. As backends do, they outlive plans: an address that left the
// configuration gets no new flows, and its replies are still ours until its last flow ended. Control thread only.
#pragma once

#include <cstdint>
#include <vector>

#include "base/error.h"
#include "base/ip.h"
#include "base/stats.h"

namespace cardea::dataplane {

struct NatSource {
  IpAddress address;
  uint32_t flows = 0;  // the cell of its live flows, a gauge
};

class NatSources {
 public:
  static constexpr uint32_t kMax = 1024;  // addresses, and rows of the stats segment

  explicit NatSources(stats::Segment& segment) : segment_(segment) {}

  // Knows it from now on. An Error when there are too many.
  Result<> add(const IpAddress& address);
  std::vector<NatSource> known() const;
  size_t size() const { return records_.size(); }

  // As SlotRegistry's: marks what a plan uses, then frees what neither that plan nor any flow uses.
  void forget_plan();
  void keep(const IpAddress& address);
  void free_unused();

 private:
  struct Record {
    NatSource source;
    uint32_t row = 0;
    bool in_plan = false;
  };
  uint64_t flows_of(const NatSource& source) const;

  stats::Segment& segment_;
  std::vector<Record> records_;
};

}  // namespace cardea::dataplane
