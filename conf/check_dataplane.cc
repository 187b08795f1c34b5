// Checks of `dataplane` itself: workers, source ports, and whether what is configured fits the room set aside.
#include "base/l7_door_socket.h"
#include "conf/check_parts.h"

namespace cardea::conf {
namespace {

// net.ipv4.ip_local_port_range, as Linux has it unless told otherwise: health checks and ssh leave from there.
constexpr unsigned kEphemeralFirst = 32768, kEphemeralLast = 60999;
constexpr unsigned kNatPortsGood = 1000;  // per worker and address: fewer run out with a few thousand connections

void check_workers(Checks& checks, const Dataplane& dataplane) {
  Unique cpus(checks, "CPU");
  for (size_t i = 0; i < dataplane.workers.size(); ++i)
    cpus.add(std::to_string(dataplane.workers[i]), index_path("dataplane.workers", i));
}

void check_nat_ports(Checks& checks, const Dataplane& dataplane) {
  const unsigned first = dataplane.nat.port_first, last = dataplane.nat.port_last;
  const size_t workers = dataplane.workers.size();
  const std::string path =
      checks.places.written("dataplane.nat.port_last") ? "dataplane.nat.port_last" : "dataplane.nat.port_first";
  if (checks.places.spoilt("dataplane.nat") || checks.places.spoilt("dataplane.workers")) return;
  if (first > last) {
    return checks.report(Finding::error, path, fmt::format("the range of source ports {} to {} is empty", first, last),
                         "port_first no larger than port_last");
  }
  if (last >= kEphemeralFirst && first <= kEphemeralLast) {
    checks.report(Finding::warning, path,
                  fmt::format("source ports {} to {} overlap those Linux uses for its own connections ({} to {})",
                              first, last, kEphemeralFirst, kEphemeralLast),
                  "a range that ends at 32767, or another net.ipv4.ip_local_port_range in Linux");
  }
  const DoorPorts door;
  if (uses_own_tcp(checks.config) && last >= door.first)
    checks.report(Finding::error, path,
                  fmt::format("source ports {} to {} are those of connections that our own TCP makes (transport)",
                              door.first, door.last),
                  fmt::format("a range that ends below {}", door.first));
  const size_t each = (last - first + 1) / std::max<size_t>(workers, 1);
  if (each == 0) {
    checks.report(Finding::error, path,
                  fmt::format("{} source ports cannot be shared by {} workers", last - first + 1, workers),
                  "at least one port for each worker");
  } else if (each < kNatPortsGood) {
    checks.report(
        Finding::warning, path,
        fmt::format("each worker has only {} source ports: so many connections it can hold to one backend", each),
        fmt::format("{} or more for each worker", kNatPortsGood));
  }
}

void check_nat_addresses(Checks& checks, const Dataplane& dataplane) {
  Unique addresses(checks, "address");
  for (size_t i = 0; i < dataplane.nat.addresses.size(); ++i) {
    const IpAddress& address = dataplane.nat.addresses[i];
    const std::string path = index_path("dataplane.nat.addresses", i);
    addresses.add(address.text(), path);
    if (const char* why = unusable(address))
      checks.report(Finding::error, path, fmt::format("{} is {}", address.text(), why),
                    "an address backends can answer to");
    bool local = false;
    for (const Port& port : dataplane.ports)
      for (const Prefix& prefix : port.addresses) local |= prefix.contains(address);
    if (!local && unusable(address) == nullptr) {
      checks.report(Finding::warning, path, fmt::format("{} is in no port's network", address.text()),
                    "a route to it by way of this host, on every backend or router");
    }
  }
}

bool listens_in(const Checks& checks, const Prefix& prefix) {
  return std::ranges::any_of(checks.config.services, [&](const Service& service) {
    return std::ranges::any_of(service.listen, [&](const Listen& one) { return prefix.contains(one.endpoint.address); });
  });
}

Prefix network_of(Prefix prefix) {
  for (size_t bit = prefix.length + (prefix.address.is_v4() ? 96u : 0u); bit < 128; ++bit)
    prefix.address.bytes[bit / 8] &= uint8_t(~(0x80 >> bit % 8));
  return prefix;
}

// Who writes an address as an interface's means that address, and would give away all of its network.
void check_means_network(Checks& checks, const std::string& path, const Prefix& prefix) {
  const Prefix network = network_of(prefix);
  if (prefix == network) return;
  const Prefix alone{prefix.address, uint8_t(prefix.address.is_v4() ? 32 : 128)};
  checks.report(Finding::error, path, fmt::format("{} would be all of {}", prefix.text(), network.text()),
                fmt::format("{} for that address alone, or {}", alone.text(), network.text()));
}

void check_floating(Checks& checks, const Dataplane& dataplane) {
  for (size_t i = 0; i < dataplane.floating.size(); ++i) {
    const Prefix& prefix = dataplane.floating[i];
    const std::string path = index_path("dataplane.floating", i);
    check_means_network(checks, path, prefix);
    for (const Port& port : dataplane.ports)
      for (const Prefix& own : port.addresses)
        if (prefix.contains(own.address))
          checks.report(Finding::error, path,
                        fmt::format("{} is port {}'s own address, which stays on this host", own.address.text(),
                                    in_quotes(port.name)),
                        "addresses of services alone");
    if (!listens_in(checks, prefix))
      checks.report(Finding::warning, path, fmt::format("no service listens on {}", prefix.text()),
                    "addresses that services listen on");
  }
}

void check_room(Checks& checks, const Dataplane& dataplane) {
  size_t backends = 0;
  for (const Pool& pool : checks.config.pools)
    if (checks.uses.of(pool.name).l4) backends += pool.backends.size();
  const auto compare = [&](const char* what, const char* setting, size_t count, size_t max) {
    if (count <= max) return;
    checks.report(Finding::error, fmt::format("dataplane.{}", setting),
                  fmt::format("there are {} {}, and room for {}", count, what, max), fmt::format("{} or more", count));
  };
  compare("services", "services_max", checks.config.services.size(), dataplane.services_max);
  compare("backends", "backends_max", backends, dataplane.backends_max);
}

}  // namespace

void check_dataplane(Checks& checks) {
  if (!checks.config.dataplane) return;
  const Dataplane& dataplane = *checks.config.dataplane;
  check_workers(checks, dataplane);
  check_nat_ports(checks, dataplane);
  check_nat_addresses(checks, dataplane);
  if (!checks.places.spoilt("dataplane.floating")) check_floating(checks, dataplane);
  check_room(checks, dataplane);
}

}  // namespace cardea::conf
