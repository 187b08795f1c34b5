// What an operator has to be told of a site in sentences: services that nobody serves, backends that nobody can check.
// Pure, and the only place that words it: `status` has all of it, an order for a backend what it has led to.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mgmt/health/checker.h"
#include "mgmt/site.h"

namespace cardea::mgmt::api {

// A sentence for each service that has a pool of which no backend gets anything, in the order of the file; of
// thousands the first, and how many more. `only_pool`: those that send to this pool, when it is out.
std::vector<std::string> services_out(const View& view, std::string_view only_pool = {});

// A sentence for each pool in panic.
std::vector<std::string> pools_in_panic(const View& view);

// One sentence about the pools to which nothing leads, whatever the states of their backends.
std::vector<std::string> unused_pools(const View& view);

// A sentence for each reason why this host cannot make checks: how many backends, and the first of them.
std::vector<std::string> unchecked_backends(const std::vector<health::TargetStatus>& health);

}  // namespace cardea::mgmt::api
