// What cardea-l7 counted, as the objects named "l7" in the API's answers. A count that is not there yet is 0.
#pragma once

#include <string_view>

#include "mgmt/api/json.h"
#include "mgmt/metrics/traffic.h"

namespace cardea::mgmt::api {

Json l7_of_service(const metrics::Traffic& traffic, std::string_view service);
Json l7_of_route(const metrics::Traffic& traffic, std::string_view service, std::string_view route);
Json l7_of_backend(const metrics::Traffic& traffic, std::string_view pool, std::string_view backend);
Json l7_of_cache(const metrics::Traffic& traffic, std::string_view cache);

}  // namespace cardea::mgmt::api
