// Checks of `services` by themselves: names, pools referred to, addresses listened on and who else wants them.
#include <algorithm>

#include "conf/check_parts.h"
#include "conf/nearest.h"

namespace cardea::conf {
namespace {

std::string text_of(const Listen& listen) {
  return fmt::format("{}/{}", listen.endpoint.text(), name(listen.protocol));
}

void check_pool_reference(Checks& checks, const Service& service) {
  std::vector<std::string> names;
  for (const Pool& pool : checks.config.pools) names.push_back(pool.name);
  const bool unsure = checks.places.spoilt("pools") && (names.empty() || std::ranges::count(names, "") > 0);
  if (unsure || service.pool.empty() || std::ranges::count(names, service.pool) > 0) return;
  const std::string meant = nearest(service.pool, names);
  checks.report(Finding::error, service.place.path + ".pool",
                fmt::format("there is no pool {}", in_quotes(service.pool)),
                names.empty() ? "a pool of that name in pools" : fmt::format("one of {}", fmt::join(names, ", ")),
                meant.empty() ? "" : in_quotes(meant));
}

void check_metrics_clash(Checks& checks, const Listen& listen, const std::string& path) {
  const Endpoint& metrics = checks.config.mgmt.metrics;
  const bool any = metrics.address == IpAddress{} || metrics.address == IpAddress::v4(0);
  if (listen.protocol != Protocol::kTcp || listen.endpoint.port != metrics.port) return;
  if (!any && listen.endpoint.address != metrics.address) return;
  checks.report(Finding::error, path,
                fmt::format("{} is also where mgmt.metrics ({}) is served", text_of(listen), metrics.text()),
                "another port for one of the two");
}

bool is_nat_address(const Dataplane& dataplane, const IpAddress& address) {
  const auto& own = dataplane.nat.addresses;
  return own.empty() || std::ranges::count(own, address) > 0;
}

void check_own_address(Checks& checks, const Dataplane& dataplane, const Listen& listen, const std::string& path) {
  for (const Port& port : dataplane.ports) {
    if (std::ranges::count(port.addresses, listen.endpoint.address, &Prefix::address) == 0) continue;
    checks.report(
        Finding::warning, path,
        fmt::format("{} is the own address of port {}: this host itself can no longer be reached at {}/{} there",
                    listen.endpoint.address.text(), in_quotes(port.name), listen.endpoint.port, name(listen.protocol)),
        "an address that only services use");
    const Nat& nat = dataplane.nat;
    if (listen.endpoint.port < nat.port_first || listen.endpoint.port > nat.port_last) return;
    if (!is_nat_address(dataplane, listen.endpoint.address)) return;
    checks.report(Finding::error, path,
                  fmt::format("port {} of that address is among the source ports {} to {} of connections to backends",
                              listen.endpoint.port, nat.port_first, nat.port_last),
                  "another address, or another range in dataplane.nat");
    return;
  }
}

void check_listens(Checks& checks, const Service& service, Unique& listens) {
  for (size_t i = 0; i < service.listen.size(); ++i) {
    const Listen& listen = service.listen[i];
    const std::string all = service.place.path + ".listen";
    const std::string path = checks.places.written(index_path(all, i)) ? index_path(all, i) : all;
    listens.add(text_of(listen), index_path(all, i));
    if (const char* why = unusable(listen.endpoint.address)) {
      checks.report(Finding::error, path, fmt::format("{} is {}", listen.endpoint.address.text(), why),
                    "an address clients send packets to");
    }
    check_metrics_clash(checks, listen, path);
    if (checks.config.dataplane) check_own_address(checks, *checks.config.dataplane, listen, path);
  }
}

}  // namespace

void check_services(Checks& checks) {
  Unique names(checks, "service name"), listens(checks, "address");
  for (const Service& service : checks.config.services) {
    if (!service.name.empty()) names.add(in_quotes(service.name), service.place.path + ".name");
    check_pool_reference(checks, service);
    check_listens(checks, service, listens);
  }
  if (checks.config.services.empty() && !checks.places.written("services"))
    checks.report(Finding::hint, "services", "there are no services: nothing will be forwarded");
}

}  // namespace cardea::conf
