#include "conf/config.h"

#include <fmt/format.h>

#include <algorithm>

namespace cardea::conf {

std::string Service::route_name(size_t index) const {
  return routes[index].name.empty() ? fmt::format("{}[{}]", name, index) : routes[index].name;
}

Transport transport_of(const Config& config, const Service& service) {
  return service.transport.value_or(config.l7 ? config.l7->transport : Transport::kKernel);
}

bool uses_own_tcp(const Config& config) {
  const auto own = [&](const Service& service) {
    return service.mode != Mode::kL4 && transport_of(config, service) == Transport::kUserspace;
  };
  return (config.l7 && config.l7->transport == Transport::kUserspace) || std::ranges::any_of(config.services, own);
}

}  // namespace cardea::conf
