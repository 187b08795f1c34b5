// Adds rows to a stats segment one after another and remembers the first that was refused, so that the tables of rows
// in each process read as tables.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/stats.h"

namespace cardea::stats {

class RowAdder {
 public:
  explicit RowAdder(Segment& segment) : segment_(segment) {}

  // `cell` becomes the row's place in a core's block.
  void operator()(uint32_t& cell, Kind kind, std::string name, std::string unit, std::string labels, std::string help) {
    if (!done) return;
    auto row = segment_.add({kind, std::move(name), std::move(unit), std::move(labels), std::move(help)});
    if (row) {
      cell = segment_.cell_index(*row);
      rows.push_back(*row);
    } else {
      done = std::unexpected(std::move(row).error());
    }
  }

  Result<> done;               // the first Error
  std::vector<uint32_t> rows;  // what was added, or was there already

 private:
  Segment& segment_;
};

// `name="value"`, the value escaped as Prometheus' text form wants it.
std::string label(std::string_view name, std::string_view value);

}  // namespace cardea::stats
