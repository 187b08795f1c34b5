#include "mgmt/compile_routes.h"

#include "conf/policies.h"

namespace cardea::mgmt {
namespace {

namespace image = l7::image;
using Builder = flatbuffers::FlatBufferBuilder;
template <typename T>
using Offset = flatbuffers::Offset<T>;
template <typename T>
using Offsets = std::vector<Offset<T>>;

struct Action {
  image::Action type;
  Offset<void> table;
};

Action write_redirect(Builder& builder, const conf::Redirect& to) {
  const char* const scheme = !to.scheme ? "" : *to.scheme == conf::Scheme::kHttps ? "https" : "http";
  return {image::Action::Redirect,
          image::CreateRedirectDirect(builder, to.status, scheme, to.host.c_str(), to.port.value_or(0), to.path.c_str(),
                                      to.prefix.c_str(), to.keep_query)
              .Union()};
}

Action write_respond(Builder& builder, const conf::Respond& with) {
  return {image::Action::Respond,
          image::CreateRespondDirect(builder, with.status, with.content_type.c_str(), with.body.c_str()).Union()};
}

// Names below the root have no "/" in front.
Action write_files(Builder& builder, const conf::Files& from) {
  const std::string fallback = from.fallback.empty() ? "" : from.fallback.substr(1);
  const int32_t max_age = from.max_age ? int32_t(std::chrono::floor<std::chrono::seconds>(*from.max_age).count()) : -1;
  return {image::Action::Files, image::CreateFilesDirect(builder, from.root.c_str(), from.prefix.c_str(),
                                                         from.index.c_str(), fallback.c_str(), from.precompressed, max_age)
                                    .Union()};
}

Action write_proxy(Builder& builder, const conf::Route& route, const PlanNames& names) {
  std::vector<image::Share> shares;
  if (!route.pool.empty()) shares.emplace_back(names.pools.at(route.pool), 1);
  for (const conf::Share& share : route.split) shares.emplace_back(names.pools.at(share.pool), share.weight);
  const auto by = route.split_by == conf::SplitBy::kClient ? image::SplitBy::client : image::SplitBy::request;
  const conf::Rewrite to = route.rewrite.value_or(conf::Rewrite());
  return {image::Action::Proxy,
          image::CreateProxyDirect(builder, &shares, by, names.cache(route.cache), to.host.c_str(), to.prefix.c_str(),
                                   to.path.c_str())
              .Union()};
}

// The checks let a route through that does exactly one thing.
Action write_action(Builder& builder, const conf::Route& route, const PlanNames& names) {
  if (route.redirect) return write_redirect(builder, *route.redirect);
  if (route.respond) return write_respond(builder, *route.respond);
  if (route.files) return write_files(builder, *route.files);
  return write_proxy(builder, route, names);
}

std::pair<image::ConditionRule, std::string> rule_of(const conf::Condition& one) {
  if (one.absent) return {image::ConditionRule::absent, {}};
  if (one.exact) return {image::ConditionRule::exact, *one.exact};
  if (one.prefix) return {image::ConditionRule::prefix, *one.prefix};
  if (one.regex) return {image::ConditionRule::pattern, *one.regex};
  return {image::ConditionRule::present, {}};
}

Offsets<image::Condition> write_list(Builder& builder, const std::vector<conf::Condition>& conditions) {
  Offsets<image::Condition> written;
  for (const conf::Condition& one : conditions) {
    const auto [rule, text] = rule_of(one);
    written.push_back(image::CreateConditionDirect(builder, one.name.c_str(), rule, text.c_str()));
  }
  return written;
}

Offset<image::Conditions> write_conditions(Builder& builder, const conf::Match& match) {
  if (!match.asks_more()) return {};
  const auto methods = builder.CreateVectorOfStrings(match.methods);
  const auto headers = write_list(builder, match.headers), query = write_list(builder, match.query),
             cookies = write_list(builder, match.cookies);
  const auto alpn = builder.CreateVectorOfStrings(match.alpn);
  return image::CreateConditions(builder, methods, builder.CreateVector(headers), builder.CreateVector(query),
                                 builder.CreateVector(cookies),
                                 builder.CreateVectorOfStructs(write_networks(match.clients)), alpn);
}

std::pair<image::PathRule, std::string> path_of(const conf::Match& match) {
  if (!match.path_exact.empty()) return {image::PathRule::exact, match.path_exact};
  if (!match.path_regex.empty()) return {image::PathRule::pattern, match.path_regex};
  return {image::PathRule::prefix, match.path};
}

// With what stands for what was left out.
Offset<settings::Policies> pack(Builder& builder, const conf::Service& service, const settings::PoliciesT& own) {
  settings::PoliciesT both = conf::merged(service.policies, own);
  if (both.basic_auth && both.basic_auth->realm.empty()) both.basic_auth->realm = service.name;
  if (both.jwt && both.jwt->realm.empty()) both.jwt->realm = service.name;
  if (both.api_keys && both.api_keys->realm.empty()) both.api_keys->realm = service.name;
  if (both.forward_auth) both.forward_auth->scope = service.name;
  return settings::Policies::Pack(builder, &both);
}

// Routes without policies of their own share what is written of their service's.
Offset<settings::Policies> write_merged(Builder& builder, const conf::Service& service, const conf::Route& route,
                                        Offset<settings::Policies> services) {
  if (route.policies == settings::PoliciesT()) return services;
  return pack(builder, service, route.policies);
}

Offset<image::Route> write_route(Builder& builder, const std::string& name, const conf::Route& route,
                                 const PlanNames& names, Offset<settings::Policies> policies) {
  const Action action = write_action(builder, route, names);
  const auto hosts = builder.CreateVectorOfStrings(route.match.hosts);
  const auto [rule, path] = path_of(route.match);
  const auto conditions = write_conditions(builder, route.match);
  return image::CreateRoute(builder, builder.CreateString(name), hosts, builder.CreateString(path), rule, conditions,
                            action.type, action.table, policies);
}

}  // namespace

image::Address image_address(const IpAddress& from) {
  return image::Address(flatbuffers::span<const uint8_t, 16>(from.bytes.data(), from.bytes.size()));
}

std::vector<image::Network> write_networks(const std::vector<Prefix>& from) {
  std::vector<image::Network> networks;
  for (const Prefix& prefix : from) networks.emplace_back(image_address(prefix.address), prefix.length);
  return networks;
}

Offset<settings::Policies> write_policies(Builder& builder, const conf::Service& service) {
  if (service.policies == settings::PoliciesT()) return {};
  return pack(builder, service, {});
}

Offsets<image::Route> write_routes(Builder& builder, const conf::Service& service, const PlanNames& names,
                                   Offset<settings::Policies> policies) {
  Offsets<image::Route> routes;
  for (size_t i = 0; i < service.routes.size(); ++i) {
    const conf::Route& route = service.routes[i];
    routes.push_back(write_route(builder, service.route_name(i), route, names,
                                 write_merged(builder, service, route, policies)));
  }
  // What no route matches; of a service without routes, everything.
  conf::Route rest;
  rest.pool = service.pool, rest.redirect = service.redirect, rest.respond = service.respond, rest.files = service.files;
  if (service.acts()) routes.push_back(write_route(builder, service.name, rest, names, policies));
  return routes;
}

}  // namespace cardea::mgmt
