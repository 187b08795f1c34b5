#include "conf/config.h"

#include <fmt/format.h>

#include <algorithm>

namespace cardea::conf {

std::string Service::route_name(size_t index) const {
  return routes[index].name.empty() ? fmt::format("{}[{}]", name, index) : routes[index].name;
}

// af_xdp alone takes single packets from under Linux, by a program of the dataplane's, and its device may name another.
PortKernel kernel_of(const Port& port) {
  const bool shares = port.device.starts_with("net_af_xdp") && port.device.find("xdp_prog=") == std::string::npos;
  return port.kernel.value_or(shares ? PortKernel::kInterface : PortKernel::kTap);
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
