#include "conf/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "conf/nearest.h"
#include "conf/quote.h"
#include "conf/schema.h"

namespace cardea::conf {
namespace {

void check_pool_references(const Config& config, const Places& places, Findings& findings) {
  std::vector<std::string> names;
  for (const Pool& pool : config.pools) names.push_back(pool.name);
  if (places.spoilt("pools") && std::ranges::count(names, "") > 0) return;
  for (const Service& service : config.services) {
    if (service.pool.empty() || std::ranges::count(names, service.pool) > 0) continue;
    const std::string meant = nearest(service.pool, names);
    findings.push_back({Finding::error, places.of(service.place.path + ".pool"),
                        fmt::format("there is no pool {}", in_quotes(service.pool)),
                        "the name of a pool in this document", meant.empty() ? "" : in_quotes(meant)});
  }
}

}  // namespace

void check(const Config& config, const Places& places, Findings& findings) {
  check_pool_references(config, places, findings);
}

}  // namespace cardea::conf
