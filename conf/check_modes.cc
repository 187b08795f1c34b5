// Which mode a service is of, where the document leaves that open. A service that was written for layer 7 and lost its
// `mode`, or has one that nobody can read, would be told that half of its settings have no effect: that is said
// instead.
#include "conf/check_parts.h"

namespace cardea::conf {
namespace {

bool lacks_mode(const Config& config, const Places& places, const Service& service) {
  const std::string& path = service.place.path;
  if (places.written(path + ".mode")) return false;
  const bool no_dataplane = !config.dataplane && !places.spoilt("dataplane");
  return places.written(path + ".tls") || places.written(path + ".routes") || no_dataplane;
}

// Why a service cannot be of the mode that one without `mode` is of, and what it can be.
struct Way {
  std::string why, modes;
};

Way way_out(const Checks& checks, const std::string& path) {
  const std::string either = "mode = \"http\"; or mode = \"tcp\";";
  if (checks.places.written(path + ".routes")) return {"which has no routes", either};
  if (checks.places.written(path + ".tls")) return {"which speaks no TLS", either};
  return {"which needs a dataplane", either + " or a group: dataplane: { … };"};
}

}  // namespace

std::set<const Service*> find_unsure(const Config& config, const Places& places) {
  std::set<const Service*> unsure;
  for (const Service& service : config.services)
    if (places.spoilt(service.place.path + ".mode") || lacks_mode(config, places, service)) unsure.insert(&service);
  return unsure;
}

void check_modes(Checks& checks) {
  for (const Service& service : checks.config.services) {
    if (!lacks_mode(checks.config, checks.places, service)) continue;
    const auto [why, modes] = way_out(checks, service.place.path);
    checks.report(Finding::error, service.place.path,
                  "\"mode\" is missing, and a service without it is of mode \"l4\", " + why, modes);
  }
}

}  // namespace cardea::conf
