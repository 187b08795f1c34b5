// The checks' common ground: what they read and how they report. Each part of the document has a file of checks.
#pragma once

#include <fmt/format.h>

#include <initializer_list>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "conf/check.h"
#include "conf/pool_use.h"
#include "conf/quote.h"
#include "conf/schema.h"

namespace cardea::conf {

using PoolsByName = std::unordered_map<std::string_view, const Pool*>;  // of those of one name the first
inline PoolsByName by_name(const std::vector<Pool>& pools) {
  PoolsByName found;
  for (const Pool& pool : pools) found.emplace(pool.name, &pool);
  return found;
}

struct Checks {
  const Config& config;
  const Places& places;
  Findings& findings;
  std::set<const Service*> unsure = {};  // services whose mode is not known: what depends on it is not judged
  PoolUses uses{config, unsure};
  PoolsByName pools = by_name(config.pools);

  // A setting that could not be read is already reported; nothing more is said about it.
  void report(Finding::Level level, const std::string& path, std::string message, std::string expected = {},
              std::string meant = {}) {
    if (places.spoilt(path)) return;
    findings.push_back({level, places.of(path), std::move(message), std::move(expected), std::move(meant)});
  }

  std::string where(const std::string& path) const {
    const Place place = places.of(path);
    return fmt::format("{}:{}", place.file, place.line);
  }
};

// Notes which keys were seen, and reports those seen before. Keys are shown as they are compared.
class Unique {
 public:
  Unique(Checks& checks, std::string what) : checks_(checks), what_(std::move(what)) {}

  void add(const std::string& key, const std::string& path) {
    const auto [first, fresh] = seen_.emplace(key, path);
    if (fresh || checks_.places.spoilt(path)) return;
    checks_.report(Finding::error, path,
                   fmt::format("{} {} is already used in {}", what_, key, checks_.where(first->second)),
                   "each only once");
  }

 private:
  Checks& checks_;
  std::string what_;
  std::map<std::string, std::string> seen_;
};

// "the unspecified address", "a multicast address"…: why no packet can be sent to or from it; null when one can. The
// kernel's own sockets reach loopback addresses, packets never do.
enum class Loopback : uint8_t { kRefused, kAllowed };
const char* unusable(const IpAddress& address, Loopback loopback = Loopback::kRefused);

// The names of a list's elements: asked once for each reference to one, of which there may be 60,000.
class Names {
 public:
  void add(const std::string& name);
  bool has(const std::string& name) const { return known_.contains(name); }
  bool complete() const { return !all_.empty() && !nameless_; }  // none has lost its name by a mistake
  const std::vector<std::string>& all() const { return all_; }   // each once, in their order

 private:
  std::vector<std::string> all_;
  std::unordered_set<std::string> known_;
  bool nameless_ = false;
};

// A name that refers to something of this list ("pool"), which has to be there.
void check_reference(Checks& checks, const std::string& name, const Names& known, const std::string& noun,
                     const std::string& path);

// Settings that were written and do nothing here; `where`: "a service of mode \"l4\"".
void check_idle(Checks& checks, const std::string& path, std::initializer_list<const char*> settings,
                const std::string& where);

// A route, or a service for what no route of its matches.
struct Acting {
  const Place& place;
  const std::string& pool;
  bool splits;
  const std::optional<Redirect>& redirect;
  const std::optional<Respond>& respond;
  const std::optional<Files>& files;
};
void check_action(Checks& checks, const Service& service, const Acting& acting);  // check_actions.cc
// check_groups.cc: what is made of the groups of a route's path_regex; of a service, which has none.
void check_groups(Checks& checks, const Route& route);
void check_groups(Checks& checks, const Service& service);

void check_rate_limits(Checks& checks);  // check_policies.cc
// Of a service or a route, whose path it is. `rate_limits`: those there are.
// What a route, or a service for what it answers by itself (`route` empty), asks of clients altogether.
void check_merged(Checks& checks, const settings::PoliciesT& service, const settings::PoliciesT& route,
                  const std::string& path);
void check_limits_by_identity(Checks& checks, const Service& service);
void check_policies(Checks& checks, const settings::PoliciesT& policies, const Names& rate_limits,
                    const std::string& path);
// check_geo.cc: of a service or a route; of l7.
void check_geo(Checks& checks, const settings::PoliciesT& policies, const std::string& path);
void check_geo(Checks& checks, const Geo& geo);
void check_geo_keys(Checks& checks);  // of rate limits
bool names_countries(const settings::AccessT& access);
bool names_as_numbers(const settings::AccessT& access);
// That copies go to another pool than their requests.
void check_mirrored(Checks& checks, const settings::PoliciesT& service, const Route& route);
void check_mirror(Checks& checks, const settings::MirrorT* mirror, const Names& pools, const std::string& path);
void check_forward_auth(Checks& checks, const settings::ForwardAuthT* auth, const Names& pools,
                        const std::string& path);

std::string family_name(Family family);  // "IPv4"

std::set<const Service*> find_unsure(const Config& config, const Places& places);  // check_modes.cc
void check_modes(Checks& checks);

void check_cluster(Checks& checks);
void check_dataplane(Checks& checks);   // check_dataplane.cc
void check_ports(Checks& checks);       // check_ports.cc
void check_pools(Checks& checks);       // check_pools.cc
void check_services(Checks& checks);    // check_services.cc
void check_forwarding(Checks& checks);  // check_forwarding.cc
void check_l7(Checks& checks);          // check_l7.cc
void check_routes(Checks& checks);      // check_routes.cc

}  // namespace cardea::conf
