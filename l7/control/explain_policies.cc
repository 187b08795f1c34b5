#include "l7/control/explain_policies.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "l7/compress/wish.h"
#include "l7/control/limits.h"

namespace cardea::l7 {
namespace {

using Json = nlohmann::ordered_json;

// What changes on the way, in the words of its settings.
void explain_headers(Json& json, std::vector<std::string>& story, const policy::HeaderRules& rules, const char* what) {
  Json& names = json[fmt::format("{}_headers_set", what)] = Json::array();
  for (const auto& line : rules.lines()) names.push_back(line.name());
  if (!rules.empty())
    story.push_back(fmt::format("Headers of the {} are changed{}{}.", what, names.empty() ? "" : ": it gets ",
                                fmt::join(names.get<std::vector<std::string>>(), ", ")));
}

std::string where_token_stands(const policy::Jwt& jwt) {
  const std::string where = !jwt.cookie().empty()   ? fmt::format("in the cookie {}", jwt.cookie())
                            : !jwt.header().empty() ? fmt::format("in the header {}", jwt.header())
                                                    : "in Authorization, as a bearer's";
  return fmt::format("A token is asked for {} (jwt), or it is answered 401.", where);
}

void explain_question(Json& json, std::vector<std::string>& story, const LivePlan& plan, const policy::ForwardAuth& auth) {
  const std::string& pool = plan.pools[auth.pool]->name;
  json["forward_auth"] = pool;
  story.push_back(fmt::format("The pool {} is asked for {} whether it may pass (forward_auth){}; whom that refuses gets its answer, and "
                              "while it is away {}.",
                              pool, auth.path,
                              auth.cache.count() == 0 ? "" : fmt::format(", and goes by its word for {} ms", auth.cache.count()),
                              auth.pass_when_away ? "everybody passes" : "requests are answered 503"));
}

void explain_inspection(Json& json, std::vector<std::string>& story, const policy::Waf& waf) {
  json["waf"] = waf.block ? "block" : "detect";
  story.push_back(fmt::format("Its head and {} bytes of its body are inspected (waf) by {}.{}", waf.body_max, waf.says,
                              !waf.block           ? ""
                              : waf.pass_when_away ? " While cardea-waf is away everything passes."
                                                   : " While cardea-waf is away requests are answered 503."));
}

void explain_mirror(Json& json, std::vector<std::string>& story, const LivePlan& plan, const policy::Policies& policies) {
  json["mirror"] = nullptr;
  if (!policies.mirror) return;
  const std::string& pool = plan.pools[policies.mirror->share.pool]->name;
  json["mirror"] = pool;
  story.push_back(fmt::format("Of {} in a hundred that a backend is asked for the pool {} gets a copy, whose answer nobody sees (mirror).",
                              policies.mirror->sample, pool));
}

void explain_buffering(Json& json, std::vector<std::string>& story, const policy::Policies& policies) {
  json["request_buffering"] = policies.buffered_bytes;
  if (policies.buffered_bytes != 0)
    story.push_back(fmt::format("A body of at most {} bytes is here before a backend is chosen (request_buffering).", policies.buffered_bytes));
}

std::vector<std::string> limits_in_words(const policy::RateLimits& limits) {
  std::vector<std::string> words;
  for (const auto& limit : limits) words.push_back(fmt::format("{} ({})", limit->name, what_it_limits(*limit)));
  return words;
}

std::string where_it_is(const policy::Geo& geo, const IpAddress& client) {
  const std::string_view country = geo.country(client);
  const uint32_t as_number = geo.as_number(client);
  return fmt::format("By l7.geo its address is in {}{}.", country.empty() ? "no country that is known" : country,
                     as_number == 0 ? "" : fmt::format(", of AS{}", as_number));
}

// Whom the request has to pass; the limits and passwords of those that come, nobody asks here.
void explain_guard(Json& json, std::vector<std::string>& story, const LivePlan& plan, const policy::Policies& policies,
                   const std::optional<Endpoint>& client) {
  json["access"] = nullptr, json["rate_limits"] = Json::array();
  if (plan.geo && client) story.push_back(where_it_is(*plan.geo, client->address));
  if (policies.access.limits() && client) {
    const bool allowed = policies.access.allows(client->address);
    json["access"] = allowed ? "allowed" : "denied";
    story.push_back(allowed ? "The client may ask (access)." : "The client may not ask (access): it is answered 403.");
  } else if (policies.access.limits()) {
    story.push_back("Who may ask hangs on the client's address: --client ADDRESS:PORT says who asks.");
  }
  for (const auto& limit : policies.rate_limits) json["rate_limits"].push_back(limit->name);
  if (!policies.rate_limits.empty())
    story.push_back(fmt::format("It has to keep the rate limits {}; who is over one is answered 429.",
                                fmt::join(limits_in_words(policies.rate_limits), ", ")));
  if (policies.basic_auth.users) story.push_back("A name and a password are asked for (basic_auth), or it is answered 401.");
  if (policies.api_keys.keys)
    story.push_back(fmt::format("A key is asked for in the header {}{} (api_keys), or it is answered 401.", policies.api_keys.header,
                                policies.api_keys.query.empty() ? "" : " or the query's " + policies.api_keys.query));
  if (policies.jwt) story.push_back(where_token_stands(*policies.jwt));
  json["forward_auth"] = nullptr;
  if (policies.forward_auth) explain_question(json, story, plan, *policies.forward_auth);
  json["waf"] = nullptr;
  if (policies.waf) explain_inspection(json, story, *policies.waf);
  if (!policies.cors.empty()) story.push_back("Pages of other sites may ask as cors says; preflights are answered here.");
}

void explain_early_hints(Json& json, std::vector<std::string>& story, const policy::Policies& policies) {
  json["early_hints"] = std::ranges::count(policies.early_hints, '\n');
  if (!policies.early_hints.empty())
    story.push_back("While a backend is asked, a browser that navigates by HTTP/2 is told of links (early_hints).");
}

// As far as the request decides it: the rest is the answer's.
void explain_compression(Json& json, std::vector<std::string>& story, const RoutePlan& route,
                         const http::RequestHead& head) {
  const compress::Settings& settings = route.policies->compression;
  json["compression"] = nullptr;
  if (!settings.on()) return;
  const compress::Wish wish = compress::wish_of(settings, head);
  json["compression"] = wish.offer != nullptr ? name(wish.offer->coding) : word(wish.why);
  if (wish.offer != nullptr) {
    story.push_back(fmt::format("The answer is compressed to {} at level {}, if it is of a type that is listed, {} bytes or "
                                "more, and no client's own.",
                                name(wish.offer->coding), wish.offer->level, settings.size_min));
  } else {
    story.push_back(fmt::format("The answer goes out as it is: {}.", wish.why == compress::Why::kUnwanted
                                                                          ? "of what is offered the client takes nothing"
                                                                          : "the request says no-transform"));
  }
}

}  // namespace

void explain_policies(Json& json, std::vector<std::string>& story, const LivePlan& plan, const RoutePlan& route,
                      const std::optional<Endpoint>& client, const http::RequestHead& head) {
  explain_guard(json, story, plan, *route.policies, client);
  explain_headers(json, story, route.policies->request_headers, "request");
  explain_headers(json, story, route.policies->response_headers, "response");
  json["forwarded"] = route.policies->forwarded;
  if (route.policies->forwarded) story.push_back("A backend is told of the request's way by Forwarded too (RFC 7239).");
  explain_mirror(json, story, plan, *route.policies);
  explain_buffering(json, story, *route.policies);
  explain_early_hints(json, story, *route.policies);
  explain_compression(json, story, route, head);
}

}  // namespace cardea::l7
