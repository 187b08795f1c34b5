// Checks of `services` by themselves: names, pools referred to, addresses listened on and who else wants them.
#include <algorithm>

#include "conf/check_parts.h"

namespace cardea::conf {
namespace {

std::string text_of(const Listen& listen) {
  return fmt::format("{}/{}", listen.endpoint.text(), name(listen.protocol));
}

void check_pool(Checks& checks, const Service& service, const Names& pools) {
  const std::string path = service.place.path + ".pool";
  check_reference(checks, service.pool, pools, "pool", path);
  const bool routed = service.mode != Mode::kL4 && checks.places.written(service.place.path + ".routes");
  if (service.mode == Mode::kHttp)
    check_action(checks, service,
                 {service.place, service.pool, false, service.redirect, service.respond, service.files});
  check_groups(checks, service);
  if (service.acts() || routed || checks.places.spoilt(path)) return;
  checks.report(Finding::error, path, "\"pool\" is missing",
                service.mode == Mode::kHttp  ? "a pool, a redirect, a respond, files, or routes"
                : service.mode == Mode::kTcp ? "a pool connections go to, or routes"
                                             : "a pool connections go to");
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

void check_own_address(Checks& checks, const Dataplane& dataplane, Mode mode, const Listen& listen,
                       const std::string& path) {
  for (const Port& port : dataplane.ports) {
    if (std::ranges::count(port.addresses, listen.endpoint.address, &Prefix::address) == 0) continue;
    const std::string text =
        fmt::format("{} is the own address of port {}: this host itself can no longer be reached at {}/{} there",
                    listen.endpoint.address.text(), in_quotes(port.name), listen.endpoint.port, name(listen.protocol));
    if (mode == Mode::kL4) checks.report(Finding::warning, path, text, "an address that only services use");
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

// Sockets of the kernel can stand for any of the host's addresses, or be for this host alone; what comes through the
// dataplane has to be to an address of its own.
const char* unusable_listen(const Config& config, Mode mode, const IpAddress& address) {
  if (mode == Mode::kL4) return unusable(address);
  const bool any = address == IpAddress{} || address == IpAddress::v4(0);
  if (any && config.dataplane) return "for all addresses, and those of the dataplane's ports are the host's own";
  return any ? nullptr : unusable(address, Loopback::kAllowed);
}

void check_listens(Checks& checks, const Service& service, Unique& listens) {
  for (size_t i = 0; i < service.listen.size(); ++i) {
    const Listen& listen = service.listen[i];
    const std::string all = service.place.path + ".listen";
    const std::string path = checks.places.written(index_path(all, i)) ? index_path(all, i) : all;
    listens.add(text_of(listen), index_path(all, i));
    if (const char* why = unusable_listen(checks.config, service.mode, listen.endpoint.address)) {
      checks.report(Finding::error, path, fmt::format("{} is {}", listen.endpoint.address.text(), why),
                    "an address clients send packets to");
    }
    check_metrics_clash(checks, listen, path);
    if (checks.config.dataplane) check_own_address(checks, *checks.config.dataplane, service.mode, listen, path);
  }
}

// A connection would be sent to the service it came from, without an end.
void check_circles(Checks& checks) {
  std::map<Endpoint, const Service*> listeners;
  for (const Service& service : checks.config.services)
    for (const Listen& listen : service.listen) listeners.emplace(listen.endpoint, &service);
  for (const Pool& pool : checks.config.pools) {
    const auto& senders = checks.uses.of(pool.name).services;
    for (const Backend& backend : pool.backends) {
      const auto listener = listeners.find(backend.address);
      if (listener == listeners.end() || std::ranges::count(senders, listener->second->name) == 0) continue;
      checks.report(Finding::error, backend.place.path + ".address",
                    fmt::format("{} is where service {} listens, and that sends to this pool: in a circle",
                                backend.address.text(), in_quotes(listener->second->name)),
                    "the address of a server");
    }
  }
}

}  // namespace

void check_services(Checks& checks) {
  Unique names(checks, "service name"), listens(checks, "address");
  Names pools;
  for (const Pool& pool : checks.config.pools) pools.add(pool.name);
  for (const Service& service : checks.config.services) {
    if (!service.name.empty()) names.add(in_quotes(service.name), service.place.path + ".name");
    if (checks.unsure.contains(&service)) continue;
    check_pool(checks, service, pools);
    check_listens(checks, service, listens);
  }
  check_circles(checks);
  if (checks.config.services.empty() && !checks.places.written("services"))
    checks.report(Finding::hint, "services", "there are no services: nothing will be forwarded");
}

}  // namespace cardea::conf
