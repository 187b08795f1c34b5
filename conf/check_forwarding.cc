// Checks of an l4 service together with its pool and the dataplane: can packets of the listener's family reach the
// backends the way `forward` says, and do the health checks ask what the service serves.
#include <algorithm>

#include "conf/check_parts.h"

namespace cardea::conf {
namespace {

struct Pair {
  const Service& service;
  const Pool& pool;
};

bool has_source(const Dataplane& dataplane, Family family, bool nat) {
  const auto of_family = [family](const IpAddress& address) { return address.family() == family; };
  if (nat && !dataplane.nat.addresses.empty()) return std::ranges::any_of(dataplane.nat.addresses, of_family);
  return std::ranges::any_of(dataplane.ports, [&](const Port& port) {
    return std::ranges::any_of(port.addresses, of_family, &Prefix::address);
  });
}

void check_fullnat_families(Checks& checks, const Pair& pair) {
  for (const Listen& listen : pair.service.listen) {
    for (const Backend& backend : pair.pool.backends) {
      const Family family = backend.address.address.family();
      if (backend.address.port == 0 || family == listen.endpoint.address.family()) continue;
      return checks.report(
          Finding::error, pair.service.place.path + ".pool",
          fmt::format("\"fullnat\" cannot turn {} into {}: the service listens on {}, and pool {} has the backend {}",
                      family_name(listen.endpoint.address.family()), family_name(family), listen.endpoint.text(),
                      in_quotes(pair.pool.name), backend.address.text()),
          "a pool with backends of the listener's family, or forward = \"ipip\"");
    }
  }
}

void check_sources(Checks& checks, const Dataplane& dataplane, const Pair& pair) {
  const bool nat = pair.service.forward == Forward::kFullnat;
  // Ports without addresses get theirs in Linux: nothing is known about them here.
  const bool unknown = std::ranges::any_of(dataplane.ports, [](const Port& port) { return port.addresses.empty(); });
  if (checks.places.spoilt("dataplane") || (unknown && !(nat && !dataplane.nat.addresses.empty()))) return;
  for (const Backend& backend : pair.pool.backends) {
    const Family family = backend.address.address.family();
    if (backend.address.port == 0 || has_source(dataplane, family, nat)) continue;
    return checks.report(
        Finding::error, pair.service.place.path + ".forward",
        fmt::format("no {} source address to reach the backend {} of pool {} from", family_name(family),
                    backend.address.text(), in_quotes(pair.pool.name)),
        fmt::format("an {} address on a port{}", family_name(family), nat ? " or in dataplane.nat.addresses" : ""));
  }
}

void check_tunnel_ports(Checks& checks, const Pair& pair) {
  if (pair.service.forward != Forward::kIpip) return;
  for (const Listen& listen : pair.service.listen) {
    for (const Backend& backend : pair.pool.backends) {
      if (backend.address.port == 0 || backend.address.port == listen.endpoint.port) continue;
      return checks.report(
          Finding::warning, pair.service.place.path + ".listen",
          fmt::format("tunnelled packets keep the service's port {}; port {} of the backend {} is only used by "
                      "health checks",
                      listen.endpoint.port, backend.address.port, backend.address.text()),
          "backends that serve on the port clients connect to");
    }
  }
}

// Checks are made over TCP alone, and few UDP servers answer that: not even each that speaks DNS. Who knows that his do
// says so with `health.port`.
void check_udp_health(Checks& checks, const Pair& pair) {
  const HealthCheck& health = pair.pool.health;
  if (health.type == HealthType::kNone || health.port) return;
  const auto udp = [](const Listen& listen) { return listen.protocol == Protocol::kUdp; };
  if (pair.service.listen.empty() || !std::ranges::all_of(pair.service.listen, udp)) return;
  checks.report(
      Finding::warning, pair.pool.place.path + ".health",
      fmt::format(
          "backends of the UDP service {} are checked by TCP on the same port: those that answer only UDP there "
          "will be down",
          in_quotes(pair.service.name)),
      "health: { port = …; } with a TCP port that they answer on (it may be the same), or type = \"none\"");
}

}  // namespace

void check_forwarding(Checks& checks) {
  const auto& config = checks.config;
  const auto of_l4 = [&](const Service& service) {
    return service.mode == Mode::kL4 && !checks.unsure.contains(&service);
  };
  const auto l4 = std::ranges::find_if(config.services, of_l4);
  if (!config.dataplane && !checks.places.spoilt("dataplane") && l4 != config.services.end()) {
    checks.report(Finding::error, l4->place.path + ".mode",
                  "services of mode \"l4\" are forwarded by a dataplane, and there is none",
                  "a group: dataplane: { … };");
  }
  for (const Service& service : config.services) {
    const auto pool = checks.pools.find(service.pool);
    if (!of_l4(service) || pool == checks.pools.end() || service.pool.empty()) continue;
    const Pair pair{service, *pool->second};
    const bool forward_known = !checks.places.spoilt(service.place.path + ".forward");
    if (forward_known && service.forward == Forward::kFullnat) check_fullnat_families(checks, pair);
    if (forward_known && config.dataplane) check_sources(checks, *config.dataplane, pair);
    check_tunnel_ports(checks, pair);
    check_udp_health(checks, pair);
  }
}

}  // namespace cardea::conf
