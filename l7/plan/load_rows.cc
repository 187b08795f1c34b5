#include "l7/plan/load_rows.h"

#include <fmt/format.h>

#include "l7/http/header_id.h"
#include "l7/plan/load_pools.h"

namespace cardea::l7::plan_detail {
namespace {

using ImageConditions = flatbuffers::Vector<flatbuffers::Offset<image::Condition>>;

route::Condition::Rule rule_of(image::ConditionRule rule) {
  switch (rule) {
    case image::ConditionRule::present:
      return route::Condition::Rule::kPresent;
    case image::ConditionRule::absent:
      return route::Condition::Rule::kAbsent;
    case image::ConditionRule::exact:
      return route::Condition::Rule::kExact;
    case image::ConditionRule::prefix:
      return route::Condition::Rule::kPrefix;
    case image::ConditionRule::pattern:
      return route::Condition::Rule::kPattern;
  }
  return route::Condition::Rule::kAbsent;
}

route::PathRule rule_of(image::PathRule rule) {
  return rule == image::PathRule::exact     ? route::PathRule::kExact
         : rule == image::PathRule::pattern ? route::PathRule::kPattern
                                            : route::PathRule::kPrefix;
}

Result<> add(std::vector<route::Condition>& to, const ImageConditions* from) {
  if (from == nullptr) return {};
  for (const image::Condition* one : *from) {
    auto& condition = to.emplace_back(route::Condition{one->name()->str(), rule_of(one->rule())});
    if (one->rule() > image::ConditionRule::MAX) return fail("a condition of an unknown kind");
    if (one->text() != nullptr) condition.text = one->text()->str();
    if (condition.rule != route::Condition::Rule::kPattern) continue;
    auto pattern = Pattern::compile(condition.text);
    if (!pattern) return std::unexpected(std::move(pattern.error()));
    condition.pattern = std::move(*pattern);
  }
  return {};
}

Result<route::Conditions> conditions_of(const image::Conditions& from) {
  route::Conditions to;
  if (from.methods() != nullptr)
    for (const auto* method : *from.methods()) to.methods.push_back(method->str());
  for (const Result<>& added :
       {add(to.headers, from.headers()), add(to.query, from.query()), add(to.cookies, from.cookies())})
    if (!added) return std::unexpected(added.error());
  for (route::Condition& header : to.headers) header.id = http::header_id(header.name);
  if (from.alpn() != nullptr)
    for (const auto* protocol : *from.alpn()) to.alpn.push_back(protocol->str());
  if (auto added = add_networks(to.clients, from.clients()); !added) return std::unexpected(std::move(added.error()));
  return to;
}

}  // namespace

Result<> add_networks(std::vector<Prefix>& to, const ImageNetworks* from) {
  if (from == nullptr) return {};
  for (const image::Network* network : *from) {
    const IpAddress address = address_of(network->address());
    if (network->length() > (address.is_v4() ? 32 : 128))
      return fail(fmt::format("clients of {}/{}", address.text(), network->length()));
    to.push_back({address, network->length()});
  }
  return {};
}

Result<std::vector<route::RouteRow>> load_rows(const flatbuffers::Vector<flatbuffers::Offset<image::Route>>& routes) {
  std::vector<route::RouteRow> rows;
  rows.reserve(routes.size());
  for (const image::Route* from : routes) {
    auto& row = rows.emplace_back(route::RouteRow{from->name()->string_view(), {}, from->path()->string_view()});
    if (from->path_rule() > image::PathRule::MAX) return fail("a path of an unknown kind");
    row.rule = rule_of(from->path_rule());
    if (from->hosts())
      for (const auto* host : *from->hosts()) row.hosts.push_back(host->string_view());
    if (from->conditions() == nullptr) continue;
    auto conditions = conditions_of(*from->conditions());
    if (!conditions) return std::unexpected(std::move(conditions.error()).in(fmt::format("route \"{}\"", row.name)));
    row.conditions = std::move(*conditions);
  }
  return rows;
}

}  // namespace cardea::l7::plan_detail
