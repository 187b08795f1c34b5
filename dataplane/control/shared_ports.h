// The ports whose interfaces stay the kernel's as well: the maps of each one's program, kept in step with plans, and
// what the programs count. What a plan brings is taken before it is adopted and what it leaves is given back after, so
// that no packet of layer 4 is the kernel's in between, which would answer it with a reset. Control thread only.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>

#include "base/error.h"
#include "base/stats.h"
#include "dataplane/state/live_plan.h"
#include "dataplane/xdp/filter.h"

namespace cardea::dataplane {

class SharedPorts {
 public:
  // The maps of the program that is about to be attached to the interface of this port of the plan
  // (PortRequest::share). What a program counted that it takes the place of goes on from there.
  Result<> fill(uint16_t port, int program, const LivePlan& plan);

  std::set<uint16_t> indexes() const;
  const xdp::Filter* of(uint16_t port) const;  // nullptr: it is not shared; stays where it is

  // Before `next` takes the place of `now`. An Error when there is no room for it: then all is as it was.
  Result<> take(const LivePlan& now, const LivePlan& next);
  // After.
  Result<> give_back(const LivePlan& now);

  // The interface of this port was given another link address.
  Result<> set_link_address(uint16_t port, const std::array<uint8_t, 6>& mac);

  // Rows for the ports there are, `names` by port.
  Result<> add_rows(stats::Segment& segment, std::span<const std::string> names);
  void write_rows(stats::Cell cells) const;  // of the control thread's core

 private:
  struct Shared {
    xdp::Filter filter;
    uint64_t unattended_before = 0;  // by the program of a process that was killed
    std::array<uint32_t, xdp::kReasons> rows{};
  };
  std::map<uint16_t, Shared> ports_;
};

}  // namespace cardea::dataplane
