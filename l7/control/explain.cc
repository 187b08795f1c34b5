#include "l7/control/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "l7/cache/cache.h"
#include "l7/control/explain_policies.h"
#include "l7/control/explain_pool.h"
#include "l7/http/parse_head.h"
#include "l7/policy/admit.h"
#include "l7/policy/balance_key.h"
#include "l7/route/file_name.h"
#include "l7/route/location.h"

namespace cardea::l7 {
namespace {

using Json = nlohmann::ordered_json;

// Protocols that a client is taken to offer in TLS: those of a browser.
constexpr std::string_view kOffered = "\2h2\10http/1.1";

std::string host_words(const route::Match& match) {
  switch (match.host_rule) {
    case route::HostRule::kExact:
      return fmt::format("the host is \"{}\"", match.host_pattern);
    case route::HostRule::kWildcard:
      return fmt::format("the host is one of \"*{}\"", match.host_pattern);
    case route::HostRule::kAny:
      return "any host will do";
  }
  return "";
}

// A request as it would come, read by the parser that reads those that come. The head views the text.
struct Asked {
  std::string text;
  http::RequestHead head;
  std::string scratch;
};

Result<std::unique_ptr<Asked>> read_request(const ExplainRequest& request) {
  auto asked = std::make_unique<Asked>();
  asked->text =
      fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\n{}{}\r\n", request.method, request.url.target(), request.url.authority,
                  fmt::join(request.headers, "\r\n"), request.headers.empty() ? "" : "\r\n");
  http::HeadScan scan;
  const auto read = http::parse_request_head(asked->text, {}, scan, asked->head);
  if (!read.done())
    return fail(fmt::format("no such request can be sent: {}", http::explanation(read.fault)), Origin::kOperator);
  asked->scratch.resize(route::scratch_size(asked->head.path));
  return asked;
}

// 0.0.0.0 and :: stand for every address of their own family.
bool covers(const IpAddress& listening, const IpAddress& asked) {
  return listening == asked || listening == (asked.is_v4() ? IpAddress::v4(0) : IpAddress{});
}

// Of an http service, or of a tcp service where TLS leads on by its name.
bool takes(const ServicePlan& service, const Url& url) {
  if (service.mode != Mode::kHttp) return service.passes_tls() && url.scheme == "https";
  return service.has_tls() == (url.scheme == "https");
}

bool listens_for(const ServicePlan& service, const Url& url) {
  if (!takes(service, url)) return false;
  const auto address = IpAddress::parse(url.host);
  return std::ranges::any_of(service.listen, [&](const Endpoint& at) {
    return at.port == url.port && (!address || covers(at.address, *address));
  });
}

Result<const ServicePlan*> named_service(const LivePlan& plan, const std::string& name) {
  const auto found = std::ranges::find_if(plan.services, [&](const auto& service) { return service->name == name; });
  if (found == plan.services.end()) return fail(fmt::format("no service \"{}\"", name), Origin::kOperator);
  if ((*found)->mode == Mode::kHttp || (*found)->passes_tls()) return found->get();
  return fail(fmt::format("service \"{}\" is no http service, and has no routes by name", name), Origin::kOperator);
}

// "no http service listens on port 443 for https: shop listens on 8443". Of thousands the first.
std::string nobody_listens(const LivePlan& plan, const Url& url) {
  constexpr size_t kShown = 8;
  std::vector<std::string> others;
  for (const auto& service : plan.services)
    if (service->mode == Mode::kHttp && service->has_tls() == (url.scheme == "https") && others.size() < kShown)
      others.push_back(fmt::format("\"{}\" on port {}", service->name, service->listen.front().port));
  return fmt::format("no http service listens on port {} for {}{}{}", url.port, url.scheme,
                     others.empty() ? "" : "; there is ", fmt::join(others, ", "));
}

// Of a client that nobody named, one that no network holds but the widest.
IpAddress address_of(const ExplainRequest& request) {
  return request.client ? request.client->address : IpAddress{};
}

// Where a client of the URL connects to: the service's listener of that address and port, else that of the port, else
// its first.
const Endpoint& listener_of(const ServicePlan& service, const Url& url) {
  const auto address = IpAddress::parse(url.host);
  const auto nearness = [&](const Endpoint& at) {
    return (at.port != url.port) * 2 + (address && !covers(at.address, *address));
  };
  return *std::ranges::min_element(service.listen, {}, nearness);
}

// Where TLS is passed through, by what a client of the URL would ask for.
std::expected<route::Match, route::NoRoute> name_match(const ServicePlan& service, const ExplainRequest& request) {
  const bool is_name = !IpAddress::parse(request.url.host);  // RFC 6066 3: addresses are not asked for
  return service.table.match(route::HostName(is_name ? request.url.host : ""), "/",
                             {.client = address_of(request), .alpn = kOffered});
}

// Those that a client of the URL may reach. Which one he does is decided by the address that its name stands for.
struct Takers {
  std::vector<const ServicePlan*> all;
  const ServicePlan* chosen = nullptr;  // the first whose routes know the host, else the first
};

Result<Takers> find_takers(const LivePlan& plan, const ExplainRequest& request, Asked& asked) {
  Takers takers;
  if (!request.service.empty()) {
    const auto named = named_service(plan, request.service);
    if (!named) return std::unexpected(named.error());
    return Takers{{*named}, *named};
  }
  for (const auto& service : plan.services)
    if (listens_for(*service, request.url)) takers.all.push_back(service.get());
  if (takers.all.empty()) return fail(nobody_listens(plan, request.url), Origin::kOperator);
  const auto knows = [&](const ServicePlan* service) {
    if (service->passes_tls()) return name_match(*service, request).has_value();
    return policy::admit(*service, asked.head, address_of(request), asked.scratch).has_value();
  };
  const auto found = std::ranges::find_if(takers.all, knows);
  takers.chosen = found == takers.all.end() ? takers.all.front() : *found;
  return takers;
}

void explain_service(Json& json, std::vector<std::string>& story, const Takers& takers, const Url& url) {
  constexpr size_t kShown = 8;
  Json all = Json::array();
  std::vector<std::string> named;
  for (const ServicePlan* service : takers.all) {
    const Endpoint& listener = listener_of(*service, url);
    all.push_back({{"service", service->name}, {"listen", listener.text()}});
    if (named.size() < kShown) named.push_back(fmt::format("\"{}\" at {}", service->name, listener.text()));
  }
  json["services"] = std::move(all);
  if (takers.all.size() > 1)
    story.push_back(
        fmt::format("{} services listen on port {}: {}. A client reaches the one whose address \"{}\" "
                    "stands for; --service says which. Without it \"{}\" is looked at.",
                    takers.all.size(), url.port, fmt::join(named, ", "), url.host, takers.chosen->name));
  story.push_back(fmt::format("Service \"{}\" takes the request.", takers.chosen->name));
  if (!takers.chosen->proxy_from.empty())
    story.push_back("Peers that proxy_protocol names say by its header who the client is; --client is meant as that one.");
  if (!takers.chosen->policies->trusted_proxies.empty())
    story.push_back("Peers that trusted_proxies names say in a header who the client is; --client is meant as that one.");
}

void explain_refusal(Json& json, std::vector<std::string>& story, const policy::Refusal& refusal) {
  using Why = policy::Refusal::Why;
  uint16_t status = 404;
  std::string reason = "no_route";
  if (refusal.why == Why::kFault) status = http::request_status(refusal.fault), reason = http::word(refusal.fault);
  if (refusal.why == Why::kBodyTooLarge) status = 413, reason = "body_too_large";
  if (refusal.why == Why::kMaxForwards) status = 200, reason = "max_forwards";
  json["verdict"] = "reply", json["status"] = status, json["reason"] = reason;
  story.push_back(refusal.why == Why::kFault
                      ? fmt::format("The request is refused: {}.", http::explanation(refusal.fault))
                      : std::string("No route of the service matches this request."));
  story.push_back(fmt::format("The client is answered {} with the reason {}.", status, reason));
}

void explain_cache(Json& json, std::vector<std::string>& story, const LivePlan& plan, const route::Proxy& route,
                   const route::Share& share, const ExplainRequest& request, const Endpoint& listener,
                   const Asked& asked, const policy::Admitted& admitted) {
  json["cache"] = nullptr, json["cache_verdict"] = nullptr;
  if (route.cache < 0) return;
  const CachePlan& cache = plan.caches[size_t(route.cache)];
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const cache::Request question{&asked.head,
                                &admitted.options,
                                request.url.scheme,
                                listener.port,
                                admitted.path.forward,
                                share.origin,
                                std::chrono::duration_cast<std::chrono::seconds>(now).count()};
  const cache::Lookup found = cache.cache->find(question);
  json["cache"] = cache.name, json["cache_verdict"] = word(found.result);
  story.push_back(fmt::format("Cache \"{}\" says {}.", cache.name, word(found.result)));
}

std::string path_words(const route::Match& match) {
  switch (match.path_rule) {
    case route::PathRule::kExact:
      return fmt::format("the path is \"{}\"", match.path);
    case route::PathRule::kPattern:
      return fmt::format("the path fits the regular expression \"{}\"", match.path);
    case route::PathRule::kPrefix:
      return fmt::format("the path has the prefix \"{}\"", match.path);
  }
  return "";
}

void explain_match(Json& json, std::vector<std::string>& story, const ServicePlan& service,
                   const policy::Admitted& admitted, bool client_known) {
  const route::Match& match = admitted.match;
  const RoutePlan& route = service.routes[match.route];
  json["route"] = route.name, json["host_rule"] = name(match.host_rule), json["host_pattern"] = match.host_pattern;
  json["path_rule"] = name(match.path_rule), json["prefix"] = match.path;
  json["forward_path"] = admitted.path.forward;
  if (!client_known && service.table.asks_for_clients())
    story.push_back("Some routes of the service are for certain clients: --client ADDRESS:PORT says who asks.");
  story.push_back(
      fmt::format("Route \"{}\" matches: {}, {}{}.", route.name, host_words(match), path_words(match),
                  match.conditions == 0 ? "" : fmt::format(", and its {} further conditions hold", match.conditions)));
}

// Nothing where the groups make none. `room` holds it.
std::optional<MadeTarget> made_target(std::string& room, const PathTemplate& by, const Pattern* of, std::string_view query,
                                      const policy::Admitted& admitted) {
  room.resize(made_size(by, admitted.path, query));
  const auto made = make_target(room, by, of, admitted.path, query);
  return made ? std::optional(*made) : std::nullopt;
}

void explain_no_target(Json& json, std::vector<std::string>& story) {
  json["verdict"] = "reply", json["status"] = 400, json["reason"] = http::word(http::Fault::kPathMade);
  story.push_back("What the path's groups make of the target is no path: the client is answered 400.");
}

// False: nothing.
bool explain_made(Json& json, std::vector<std::string>& story, const PathTemplate& by, const Pattern* of,
                  const http::RequestHead& head, const policy::Admitted& admitted) {
  std::string room;
  const auto made = made_target(room, by, of, head.query, admitted);
  if (!made) return false;
  json["forward_path"] = made->path, json["forward_query"] = made->query;
  story.push_back(fmt::format("Its backend is asked for \"{}{}{}\".", made->path, made->query.empty() ? "" : "?", made->query));
  return true;
}

// What backends see otherwise than the client sent it. False: nobody is asked.
bool explain_rewrite(Json& json, std::vector<std::string>& story, const route::Proxy& proxy, const Pattern* of,
                     const Asked& asked, const policy::Admitted& admitted) {
  json["forward_host"] = nullptr;
  if (!proxy.host.empty()) {
    json["forward_host"] = proxy.host;
    story.push_back(fmt::format("Its backend is asked for the host \"{}\".", proxy.host));
  }
  if (!proxy.made.empty()) return explain_made(json, story, proxy.made, of, asked.head, admitted);
  if (proxy.prefix.empty()) return true;
  const route::JoinedPath path = replace_prefix(admitted.path, admitted.match.prefix(), proxy.prefix);
  json["forward_path"] = fmt::format("{}{}", path.front, path.rest);
  story.push_back(fmt::format("Its backend is asked for the path \"{}{}\".", path.front, path.rest));
  return true;
}

// The share that the request falls to, where that hangs on what is known; else null.
const route::Share* explain_split(Json& json, std::vector<std::string>& story, const LivePlan& plan,
                                  const route::Proxy& proxy, const std::optional<Endpoint>& client) {
  json["split"] = Json::array();
  if (proxy.shares.size() == 1) return &proxy.shares.front();
  std::vector<std::string> all;
  for (const route::Share& share : proxy.shares) {
    const std::string& pool = plan.pools[share.pool]->name;
    json["split"].push_back({{"pool", pool}, {"weight", share.weight}});
    all.push_back(fmt::format("\"{}\" {}", pool, share.weight));
  }
  const bool known = proxy.by_client && client;
  story.push_back(fmt::format("The route is split by weight among {} pools: {}. {}", all.size(), fmt::join(all, ", "),
                              known             ? "The client's address decides."
                              : proxy.by_client ? "The client's address decides: --client says who asks."
                                                : "Each request falls to one of them at random."));
  return known ? &proxy.share(route::client_number(plan.hash_key, client->address)) : nullptr;
}

// Answered here: no backend is asked.
void explain_redirect(Json& json, std::vector<std::string>& story, const route::Redirect& redirect, const Pattern* of,
                      const ExplainRequest& request, const Asked& asked, const policy::Admitted& admitted) {
  route::Target target{asked.head, request.url.scheme, admitted.path, admitted.match.prefix()};
  std::string made;
  if (!redirect.made.empty())
    target.made = made_target(made, redirect.made, of, redirect.keeps_query ? asked.head.query : std::string_view(), admitted);
  json["action"] = "redirect";
  if (!redirect.made.empty() && !target.made) return explain_no_target(json, story);
  std::string room(location_size(redirect, target), '\0');
  const std::string location(write_location(room, redirect, target));
  json["verdict"] = "redirect";
  json["status"] = redirect.status, json["reason"] = "ok", json["location"] = location;
  story.push_back(fmt::format("The client is sent to {} with the status {}.", location, redirect.status));
}

void explain_respond(Json& json, std::vector<std::string>& story, const route::Respond& respond) {
  json["action"] = json["verdict"] = "respond";
  json["status"] = respond.status, json["reason"] = "ok";
  story.push_back(fmt::format("The client is answered {} with the {} bytes that the route holds.", respond.status,
                              respond.body.size()));
}

// The disk is not asked.
void explain_files(Json& json, std::vector<std::string>& story, const route::Files& files,
                   const policy::Admitted& admitted) {
  json["action"] = json["verdict"] = "files";
  json["status"] = nullptr, json["reason"] = "ok";
  std::string room(file_name_size(files, admitted.path), '\0');
  const auto name = file_name(room, files, admitted.path, admitted.match.prefix());
  json["file"] = name ? Json(fmt::format("{}/{}", files.root, *name)) : Json();
  story.push_back(name ? fmt::format("The client is sent the file {}/{}, where there is one.", files.root, *name)
                       : "No file can have the name that the path stands for.");
  if (!files.fallback.empty()) story.push_back(fmt::format("Else {}/{} is sent.", files.root, files.fallback));
}

// `head`: null where none is read.
std::optional<uint64_t> hash_of(const LivePlan& plan, const PoolPlan& pool, const ExplainRequest& request,
                                const Endpoint& listener, const http::RequestHead* head) {
  const Endpoint* const client = request.client ? &*request.client : nullptr;
  return policy::balance_key(pool, plan.hash_key, {client, listener, head});
}

// Chance decides on the share.
void leave_pool_open(Json& json) {
  json["pool"] = json["backend"] = nullptr;
  json["verdict"] = "proxy", json["status"] = nullptr, json["reason"] = "ok", json["balance"] = "split";
}

void explain_proxy(Json& json, std::vector<std::string>& story, const LivePlan& plan, const RoutePlan& route,
                   const Endpoint& listener, const ExplainRequest& request, const Asked& asked,
                   const policy::Admitted& admitted) {
  const route::Proxy& proxy = *route.proxy();
  json["action"] = "proxy";
  const route::Share* share = explain_split(json, story, plan, proxy, request.client);
  if (!explain_rewrite(json, story, proxy, route.pattern(), asked, admitted)) return explain_no_target(json, story);
  if (share == nullptr) {
    json["cache"] = json["cache_verdict"] = nullptr;
    return leave_pool_open(json);
  }
  explain_cache(json, story, plan, proxy, *share, request, listener, asked, admitted);
  const PoolPlan& pool = *plan.pools[share->pool];
  explain_balance(json, story, pool, hash_of(plan, pool, request, listener, &asked.head));
}

void explain_action(Json& json, std::vector<std::string>& story, const LivePlan& plan, const ServicePlan& service,
                    const ExplainRequest& request, const Asked& asked, const policy::Admitted& admitted) {
  const RoutePlan& route = service.routes[admitted.match.route];
  const route::Action& action = route.action;
  if (route.proxy() != nullptr) {
    explain_proxy(json, story, plan, route, listener_of(service, request.url), request, asked, admitted);
  } else if (const auto* redirect = std::get_if<route::Redirect>(&action)) {
    explain_redirect(json, story, *redirect, route.pattern(), request, asked, admitted);
  } else if (const auto* files = std::get_if<route::Files>(&action)) {
    explain_files(json, story, *files, admitted);
  } else {
    explain_respond(json, story, std::get<route::Respond>(action));
  }
}

void explain_no_name(Json& json, std::vector<std::string>& story) {
  json["verdict"] = "reply", json["status"] = 0, json["reason"] = "no_route";
  story.push_back(
      "No route of the service is for this name: the client is answered in TLS, by the alert unrecognized_name.");
}

// What HTTP asks for inside is not seen.
void explain_passing(Json& json, std::vector<std::string>& story, const LivePlan& plan, const ServicePlan& service,
                     const ExplainRequest& request) {
  story.push_back(
      "TLS is passed through untouched; a client is taken to offer the protocols h2 and http/1.1, as browsers do.");
  const auto match = name_match(service, request);
  if (!match) return explain_no_name(json, story);
  const RoutePlan& route = service.routes[match->route];
  json["route"] = route.name, json["host_rule"] = name(match->host_rule), json["host_pattern"] = match->host_pattern;
  story.push_back(
      fmt::format("Route \"{}\" matches: {}{}.", route.name, host_words(*match),
                  match->conditions == 0 ? "" : fmt::format(", and its {} conditions hold", match->conditions)));
  json["action"] = "proxy";
  const route::Share* share = explain_split(json, story, plan, *route.proxy(), request.client);
  if (share != nullptr) {
    const PoolPlan& pool = *plan.pools[share->pool];
    return explain_balance(json, story, pool, hash_of(plan, pool, request, listener_of(service, request.url), nullptr));
  }
  leave_pool_open(json);
}

}  // namespace

Result<Json> explain(const LivePlan& plan, const ExplainRequest& request) {
  auto asked = read_request(request);
  if (!asked) return std::unexpected(std::move(asked.error()));
  const auto takers = find_takers(plan, request, **asked);
  if (!takers) return std::unexpected(takers.error());
  const ServicePlan& service = *takers->chosen;
  Json json{{"service", service.name}};
  std::vector<std::string> story;
  explain_service(json, story, *takers, request.url);
  if (service.passes_tls()) {
    explain_passing(json, story, plan, service, request);
    json["story"] = story;
    return json;
  }
  const auto admitted = policy::admit(service, (*asked)->head, address_of(request), (*asked)->scratch);
  if (!admitted) {
    explain_refusal(json, story, admitted.error());
  } else {
    explain_match(json, story, service, *admitted, request.client.has_value());
    explain_policies(json, story, plan, service.routes[admitted->match.route], request.client, (*asked)->head);
    explain_action(json, story, plan, service, request, **asked, *admitted);
  }
  json["story"] = story;
  return json;
}

}  // namespace cardea::l7
