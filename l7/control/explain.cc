#include "l7/control/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/maglev.h"
#include "l7/cache/cache.h"
#include "l7/http/parse_head.h"
#include "l7/policy/admit.h"

namespace cardea::l7 {
namespace {

using Json = nlohmann::ordered_json;

const char* name_of(BackendState state) {
  constexpr const char* kNames[] = {"up", "down", "drain", "maint"};
  return kNames[size_t(state)];
}

const char* name_of(Balance balance) {
  constexpr const char* kNames[] = {"maglev", "round_robin", "least_conn"};
  return kNames[size_t(balance)];
}

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
      fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\n\r\n", request.method, request.url.target(), request.url.authority);
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

bool listens_for(const ServicePlan& service, const Url& url) {
  if (service.mode != Mode::kHttp || service.has_tls() != (url.scheme == "https")) return false;
  const auto address = IpAddress::parse(url.host);
  return std::ranges::any_of(service.listen, [&](const Endpoint& at) {
    return at.port == url.port && (!address || covers(at.address, *address));
  });
}

// Of several services on one port, that whose routes know the host best: the one whose answer is not "no route".
Result<const ServicePlan*> find_service(const LivePlan& plan, const ExplainRequest& request, Asked& asked) {
  const ServicePlan* first = nullptr;
  for (const auto& service : plan.services) {
    if (request.service.empty() ? !listens_for(*service, request.url) : service->name != request.service) continue;
    if (service->mode != Mode::kHttp)
      return fail(fmt::format("service \"{}\" is no http service", service->name), Origin::kOperator);
    if (!first) first = service.get();
    if (policy::admit(*service, asked.head, asked.scratch)) return service.get();
  }
  if (first) return first;
  if (!request.service.empty()) return fail(fmt::format("no service \"{}\"", request.service), Origin::kOperator);
  return fail(fmt::format("no http service listens on port {} for {}", request.url.port, request.url.scheme),
              Origin::kOperator);
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
                      : std::string("No route of the service matches this host and path."));
  story.push_back(fmt::format("The client is answered {} with the reason {}.", status, reason));
}

void explain_cache(Json& json, std::vector<std::string>& story, const LivePlan& plan, const RoutePlan& route,
                   const ExplainRequest& request, const Endpoint& listener, const Asked& asked,
                   const policy::Admitted& admitted) {
  json["cache"] = nullptr, json["cache_verdict"] = nullptr;
  if (route.cache < 0) return;
  const CachePlan& cache = plan.caches[size_t(route.cache)];
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const cache::Request question{&asked.head,
                                &admitted.options,
                                request.url.scheme,
                                listener.port,
                                admitted.path.forward,
                                plan.pools[route.pool]->name,
                                std::chrono::duration_cast<std::chrono::seconds>(now).count()};
  const cache::Lookup found = cache.cache->find(question);
  json["cache"] = cache.name, json["cache_verdict"] = word(found.result);
  story.push_back(fmt::format("Cache \"{}\" says {}.", cache.name, word(found.result)));
}

std::string why(const BackendPlan& backend) {
  if (backend.state != BackendState::kUp) return fmt::format("gets nothing new: it is {}", name_of(backend.state));
  if (backend.weight == 0) return "gets nothing new: its weight is 0";
  return "can serve";
}

void explain_balance(Json& json, std::vector<std::string>& story, const PoolPlan& pool, uint64_t hash) {
  json["pool"] = pool.name, json["balance"] = name_of(pool.balance);
  json["hash"] = fmt::format("{:#018x}", hash), json["slot"] = nullptr, json["backend"] = nullptr;
  Json candidates = Json::array();
  bool any = false;
  for (const BackendPlan& backend : pool.backends) {
    any = any || backend.serves();
    candidates.push_back({{"backend", backend.name},
                          {"state", name_of(backend.state)},
                          {"weight", backend.weight},
                          {"why", why(backend)}});
  }
  json["candidates"] = std::move(candidates);
  if (!any) {
    json["verdict"] = "reply", json["status"] = 503, json["reason"] = "no_backend";
    story.push_back(
        fmt::format("No backend of pool \"{}\" can serve: the client is answered 503, no_backend.", pool.name));
    return;
  }
  json["verdict"] = "proxy", json["status"] = nullptr, json["reason"] = "ok";
  if (pool.balance != Balance::kMaglev || pool.ring.empty()) {
    story.push_back(fmt::format("Pool \"{}\" chooses among its backends when the request comes ({}).", pool.name,
                                name_of(pool.balance)));
    return;
  }
  const uint32_t slot = ring_slot(hash, uint32_t(pool.ring.size()));
  json["slot"] = slot;
  if (pool.ring[slot] >= pool.backends.size()) return;
  json["backend"] = pool.backends[pool.ring[slot]].name;
  story.push_back(fmt::format("The client's flow hash falls on slot {} of {} of the ring of pool \"{}\": backend {}.",
                              slot, pool.ring.size(), pool.name, pool.backends[pool.ring[slot]].name));
}

}  // namespace

Result<Json> explain(const LivePlan& plan, const ExplainRequest& request) {
  auto asked = read_request(request);
  if (!asked) return std::unexpected(std::move(asked.error()));
  auto service = find_service(plan, request, **asked);
  if (!service) return std::unexpected(std::move(service.error()));
  Json json{{"service", (*service)->name}};
  std::vector<std::string> story{fmt::format("Service \"{}\" takes the request.", (*service)->name)};
  const auto admitted = policy::admit(**service, (*asked)->head, (*asked)->scratch);
  if (!admitted) {
    explain_refusal(json, story, admitted.error());
  } else {
    const RoutePlan& route = (*service)->routes[admitted->match.route];
    json["route"] = route.name, json["host_rule"] = name(admitted->match.host_rule);
    json["host_pattern"] = admitted->match.host_pattern, json["prefix"] = admitted->match.prefix;
    json["forward_path"] = admitted->path.forward;
    story.push_back(fmt::format("Route \"{}\" matches: {}, the path has the prefix \"{}\".", route.name,
                                host_words(admitted->match), admitted->match.prefix));
    const Endpoint listener = (*service)->listen.front();
    explain_cache(json, story, plan, route, request, listener, **asked, *admitted);
    explain_balance(
        json, story, *plan.pools[route.pool],
        flow_hash(plan.hash_key, {request.client.address, listener.address, __builtin_bswap16(request.client.port),
                                  __builtin_bswap16(listener.port), Protocol::kTcp}));
  }
  json["story"] = story;
  return json;
}

}  // namespace cardea::l7
