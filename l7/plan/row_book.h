// Which rows of the stats segment are in use by which parts of plans. A service, a pool or a cache holds its RowSet as
// long as anything may still count in it; when the last holder on any thread has let go, the rows that nobody else has
// are removed. Control thread only, but for letting go of sets.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/stats_rows.h"

namespace cardea::l7 {

struct RowSet {};  // held, never looked into

class RowBook {
 public:
  explicit RowBook(stats::Segment& segment) : segment_(segment) {}

  stats::RowAdder adder() { return stats::RowAdder(segment_); }
  // The rows that an adder has added, held from now on.
  std::shared_ptr<const RowSet> hold(std::vector<uint32_t> rows);
  // Removes what nobody holds any more; how many rows that were.
  size_t sweep();

 private:
  struct Held {
    std::weak_ptr<const RowSet> by;
    std::vector<uint32_t> rows;
  };
  stats::Segment& segment_;
  std::vector<Held> held_;
  std::unordered_map<uint32_t, uint32_t> holders_;  // row → how many sets it is in
};

}  // namespace cardea::l7
