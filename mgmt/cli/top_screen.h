// What `cardea top` shows: services, the routes of those that have several, and backends, packets of the dataplane and
// requests of cardea-l7 in tables of their own, the busiest first. Where there is not room for all, every table shows
// its first rows and how many there are more; where there is not even room for a row of each, the last tables are left
// out and named.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "mgmt/cli/rates.h"
#include "mgmt/cli/space.h"

namespace cardea::mgmt::cli {

struct Measured {
  nlohmann::json status;
  std::string away;  // a warning, with a line end; empty while every process is there
  std::string lost;  // what is being lost, with a line end; empty while nothing is
  std::vector<Rate> services, routes, backends;
};

std::string screen(const Measured& measured, bool colour, Space space = {});

// How many lines each of several lists gets of `lines` when they need so many: what one does not need is the others'.
std::vector<size_t> shares(std::vector<size_t> needs, size_t lines);

}  // namespace cardea::mgmt::cli
