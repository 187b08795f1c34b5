// Checks of `services[].routes`: pools and caches they name, and whether each of them can ever match.
#include <algorithm>

#include "conf/check_parts.h"

namespace cardea::conf {
namespace {

struct Known {
  Names pools, caches;
};

// What a route claims, as it is compared: every host with the path.
std::vector<std::string> claims(const Route& route) {
  std::vector<std::string> all;
  for (const std::string& host : route.match.hosts) all.push_back((host == "*" ? "" : host) + route.match.path);
  if (route.match.hosts.empty()) all.push_back(route.match.path);
  return all;
}

class Claims {
 public:
  explicit Claims(Checks& checks) : checks_(checks) {}

  // Of routes with the same host and path the first is taken, so one whose every claim was made before gets nothing.
  // One whose host or path could not be read claims nothing: it is not for every request.
  void add(const Route& route) {
    if (checks_.places.spoilt(route.place.path + ".match")) return;
    const std::string* before = nullptr;
    bool fresh = false;
    const std::vector<std::string> wanted = claims(route);
    for (const std::string& claim : wanted) {
      const auto [first, made] = first_.emplace(claim, route.place.path);
      fresh |= made;
      if (!made) before = &first->second;
    }
    if (before == nullptr || checks_.places.spoilt(route.place.path)) return;
    checks_.report(Finding::warning, route.place.path,
                   fmt::format("{} requests are taken by the route in {}, which has the same host and path",
                               fresh ? "some of its" : "all of its", checks_.where(*before)),
                   "another host or path, or none of the two routes");
  }

  const std::string* find(const std::string& claim) const {
    const auto found = first_.find(claim);
    return found == first_.end() ? nullptr : &found->second;
  }

 private:
  Checks& checks_;
  std::map<std::string, std::string> first_;
};

void check_names(Checks& checks, const Service& service) {
  Unique names(checks, "route name");
  if (!service.pool.empty()) names.add(in_quotes(service.name), service.place.path + ".name");
  for (size_t i = 0; i < service.routes.size(); ++i) {
    const std::string& place = service.routes[i].place.path;
    const bool named = checks.places.written(place + ".name");
    names.add(in_quotes(service.route_name(i)), named ? place + ".name" : place);
  }
}

void check_service(Checks& checks, const Service& service, const Known& known) {
  Claims claims(checks);
  for (const Route& route : service.routes) {
    check_reference(checks, route.pool, known.pools, "pool", route.place.path + ".pool");
    check_reference(checks, route.cache, known.caches, "cache", route.place.path + ".cache");
    claims.add(route);
  }
  check_names(checks, service);
  const std::string* all = claims.find("/");
  if (service.pool.empty() || all == nullptr) return;
  checks.report(Finding::warning, service.place.path + ".pool",
                fmt::format("the route in {} takes every request: none is left for this pool", checks.where(*all)),
                "a pool, or a route without host and path, not both");
}

}  // namespace

void check_routes(Checks& checks) {
  Known known;
  for (const Pool& pool : checks.config.pools) known.pools.add(pool.name);
  for (const Cache& cache : checks.config.caches) known.caches.add(cache.name);
  for (const Service& service : checks.config.services)
    if (service.mode == Mode::kHttp) check_service(checks, service, known);
}

}  // namespace cardea::conf
