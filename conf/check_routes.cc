// Checks of `services[].routes`: pools and caches they name, and whether each of them can ever match.
#include <algorithm>

#include "conf/check_parts.h"
#include "conf/schema_sections.h"

namespace cardea::conf {
namespace {

struct Known {
  Names pools, caches, rate_limits;
};

std::string text_of(const Condition& one) {
  const std::string value = one.absent   ? "!"
                            : one.exact  ? "=" + *one.exact
                            : one.prefix ? "^" + *one.prefix
                            : one.regex  ? "~" + *one.regex
                                         : "";
  return one.name + value + "\n";
}

// Of what has to hold beside host and path; of two routes with the same text the first is taken.
std::string conditions_text(const Match& match) {
  std::string text;
  for (const std::string& method : match.methods) text += method + "\n";
  for (const auto* list : {&match.headers, &match.query, &match.cookies}) {
    text += "\r";
    for (const Condition& one : *list) text += text_of(one);
  }
  for (const Prefix& client : match.clients) text += client.text() + "\n";
  for (const std::string& protocol : match.alpn) text += "\r" + protocol + "\n";
  return text;
}

std::string path_text(const Match& match) {
  if (!match.path_exact.empty()) return "=" + match.path_exact;
  return match.path_regex.empty() ? match.path : "~" + match.path_regex;
}

// What a route claims, as it is compared: every host with path and conditions.
std::vector<std::string> claims(const Route& route) {
  const Match& match = route.match;
  const std::string behind = path_text(match) + (match.asks_more() ? "\n" + conditions_text(match) : "");
  std::vector<std::string> all;
  for (const std::string& host : match.hosts) all.push_back((host == "*" ? "" : host) + behind);
  if (match.hosts.empty()) all.push_back(behind);
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
  if (service.acts()) names.add(in_quotes(service.name), service.place.path + ".name");
  for (size_t i = 0; i < service.routes.size(); ++i) {
    const std::string& place = service.routes[i].place.path;
    const bool named = checks.places.written(place + ".name");
    names.add(in_quotes(service.route_name(i)), named ? place + ".name" : place);
  }
}

// What is answered here is asked of no backend, and kept in no cache.
void check_here(Checks& checks, const Route& route) {
  for (const char* setting : {"cache", "rewrite"}) {
    const std::string path = join_path(route.place.path, setting);
    if (!route.answers() || !checks.places.written(path)) continue;
    checks.report(Finding::error, path, "no backend is asked by a route that answers by itself", "a route with a pool");
  }
}

void check_split(Checks& checks, const Route& route, const Known& known) {
  uint64_t weights = 0;
  Unique pools(checks, "share of pool");
  for (const Share& share : route.split) {
    weights += share.weight;
    pools.add(in_quotes(share.pool), share.place.path + ".pool");
    check_reference(checks, share.pool, known.pools, "pool", share.place.path + ".pool");
  }
  if (!route.split.empty() && weights == 0)
    checks.report(Finding::error, route.place.path + ".split", "all of them have weight 0", "a weight above 0");
  if (route.split.empty() && route.split_by != SplitBy::kRequest)
    checks.report(Finding::warning, route.place.path + ".split_by", "has no effect without a split");
}

// A prefix is put in place of what the path matched: of a regular expression nobody knows which part that is.
void check_rewrite(Checks& checks, const Route& route) {
  const std::string& path = route.place.path;
  const bool by_regex = !route.match.path_regex.empty();
  const auto refuse = [&](const std::string& where) {
    checks.report(Finding::error, path + where, "a path_regex has no prefix that could be replaced",
                  "a match by path or path_exact");
  };
  if (by_regex && route.redirect && !route.redirect->prefix.empty()) refuse(".redirect.prefix");
  if (by_regex && route.rewrite && !route.rewrite->prefix.empty()) refuse(".rewrite.prefix");
  if (by_regex && route.files && !route.files->prefix.empty()) refuse(".files.prefix");
  if (route.rewrite && !route.rewrite->prefix.empty() && !route.rewrite->path.empty())
    checks.report(Finding::error, path + ".rewrite.path", "a prefix is replaced already", "a path, or a prefix");
  if (route.rewrite && *route.rewrite == Rewrite{.place = route.rewrite->place})
    checks.report(Finding::error, path + ".rewrite", "nothing is rewritten", "a prefix or a path, a host, or both");
}

void check_acts(Checks& checks, const Service& service, const Route& route) {
  const std::string& path = route.place.path;
  check_action(checks, service,
               {route.place, route.pool, !route.split.empty(), route.redirect, route.respond, route.files});
  check_here(checks, route);
  check_rewrite(checks, route);
  check_groups(checks, route);
  const auto spoilt = [&](const char* setting) { return checks.places.spoilt(join_path(path, setting)); };
  if (route.answers() || !route.pool.empty() || !route.split.empty()) return;
  for (const char* action : {"redirect", "respond", "files", "split"})
    if (spoilt(action)) return;
  checks.report(Finding::error, path + ".pool", "\"pool\" is missing",
                "a pool, a split, a redirect, a respond or files");
}

void check_conditions(Checks& checks, const std::vector<Condition>& conditions) {
  for (const Condition& one : conditions) {
    if (one.exact.has_value() + one.prefix.has_value() + one.regex.has_value() + one.absent <= 1) continue;
    checks.report(Finding::error, one.place.path, "a value is compared in one way, and not in two",
                  "one of exact, prefix, regex and absent");
  }
}

void check_match(Checks& checks, const Route& route) {
  const Match& match = route.match;
  const std::string path = route.place.path + ".match";
  for (const auto* list : {&match.headers, &match.query, &match.cookies}) check_conditions(checks, *list);
  const bool prefix = match.path != "/", exact = !match.path_exact.empty();
  if (prefix + exact + !match.path_regex.empty() <= 1) return;
  checks.report(Finding::error, path + (exact ? ".path_exact" : ".path_regex"),
                "a path is matched in one way, and not in two", "one of path, path_exact and path_regex");
}

// What is passed through is not read. A default says nothing: the printed form has it too.
void check_misplaced(Checks& checks, const Section& section, const void* owner, Mode mode, const std::string& path) {
  for (const Row* row : section.misplaced(mode)) {
    const std::string here = join_path(path, row->name);
    if (!checks.places.written(here) || (row->same && row->same(owner, section.defaults.get()))) continue;
    checks.report(Finding::error, here,
                  fmt::format("cannot be had with a route of a service of mode {}", in_quotes(name(mode))),
                  "a service with " + words_of(row->facts.only));
  }
}

void check_mode(Checks& checks, const Service& service, const Route& route) {
  static const Section& match = *route_section().find("match")->section;
  check_misplaced(checks, route_section(), &route, service.mode, route.place.path);
  check_misplaced(checks, match, &route.match, service.mode, route.place.path + ".match");
  const auto to = checks.pools.find(route.pool);
  if (service.mode == Mode::kTcp && to != checks.pools.end() && to->second->tls)
    checks.report(Finding::warning, route.place.path + ".pool",
                  "the backends are spoken TLS to, and what is passed through is TLS already", "a pool without tls");
}

void check_service(Checks& checks, const Service& service, const Known& known) {
  Claims claims(checks);
  check_policies(checks, service.policies, known.rate_limits, service.place.path);
  check_merged(checks, service.policies, {}, service.place.path);
  check_limits_by_identity(checks, service);
  check_forward_auth(checks, service.policies.forward_auth.get(), known.pools, service.place.path + ".forward_auth");
  check_mirror(checks, service.policies.mirror.get(), known.pools, service.place.path + ".mirror");
  for (const Route& route : service.routes) {
    check_mode(checks, service, route);
    check_reference(checks, route.pool, known.pools, "pool", route.place.path + ".pool");
    check_reference(checks, route.cache, known.caches, "cache", route.place.path + ".cache");
    check_acts(checks, service, route);
    check_match(checks, route);
    check_split(checks, route, known);
    check_policies(checks, route.policies, known.rate_limits, route.place.path);
    check_forward_auth(checks, route.policies.forward_auth.get(), known.pools, route.place.path + ".forward_auth");
    check_mirror(checks, route.policies.mirror.get(), known.pools, route.place.path + ".mirror");
    check_mirrored(checks, service.policies, route);
    if (route.policies.basic_auth || route.policies.jwt || route.policies.api_keys)
      check_merged(checks, service.policies, route.policies, route.place.path);
    claims.add(route);
  }
  check_names(checks, service);
  const std::string* all = claims.find("/");
  if (!service.acts() || all == nullptr) return;
  const char* const rest = service.redirect  ? "redirect"
                           : service.respond ? "respond"
                           : service.files   ? "files"
                                             : "pool";
  checks.report(Finding::warning, service.place.path + "." + rest,
                fmt::format("the route in {} takes every request: none is left for this {}", checks.where(*all), rest),
                fmt::format("a {}, or a route without host and path, not both", rest));
}

}  // namespace

void check_routes(Checks& checks) {
  Known known;
  for (const Pool& pool : checks.config.pools) known.pools.add(pool.name);
  for (const Cache& cache : checks.config.caches) known.caches.add(cache.name);
  for (const auto& limit : checks.config.rate_limits) known.rate_limits.add(limit.name);
  for (const Service& service : checks.config.services)
    if (service.mode != Mode::kL4 && !checks.unsure.contains(&service)) check_service(checks, service, known);
}

}  // namespace cardea::conf
