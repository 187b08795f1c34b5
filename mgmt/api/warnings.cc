#include "mgmt/api/warnings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <unordered_map>

#include "conf/pool_use.h"

namespace cardea::mgmt::api {
namespace {

constexpr size_t kServicesMax = 20;  // sentences; /v1/services has them all

using OutPools = std::unordered_map<std::string_view, std::string>;  // by name, and why

bool is_out(const PoolState& pool) {
  return std::ranges::none_of(pool.backends, [](const Standing& one) { return one.ring_weight() > 0; });
}

// "2 down, 1 drain, 1 of weight 0"
std::string why_out(const PoolState& pool) {
  std::array<size_t, 4> in_state{};
  for (const Standing& one : pool.backends) ++in_state[size_t(one.state)];
  std::string text;
  for (const State state : {State::kDown, State::kDrain, State::kMaint, State::kUp}) {
    const size_t number = in_state[size_t(state)];
    if (number == 0) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", number,
                        state == State::kUp ? "of weight 0" : name(state));  // it is up, and gets nothing
  }
  return text.empty() ? "it has none" : text;
}

OutPools out_pools(const Candidate& in_force) {
  OutPools out;
  for (size_t i = 0; i < in_force.states.size(); ++i)
    if (is_out(in_force.states[i])) out.emplace(in_force.config->pools[i].name, why_out(in_force.states[i]));
  return out;
}

// Empty: somebody serves whatever comes.
std::string sentence(const conf::Service& service, const OutPools& out) {
  const auto pools = conf::pools_of(service);
  std::string named;
  size_t number = 0;
  for (const auto pool : pools) {
    const auto found = out.find(pool);
    if (found == out.end()) continue;
    ++number;
    named += fmt::format("{}pool {} ({})", named.empty() ? "" : " and of ", pool, found->second);
  }
  if (number == 0) return {};
  return fmt::format("service {} is out{}: no backend of {} gets anything", service.name,
                     number == pools.size() ? "" : " in part", named);
}

}  // namespace

std::vector<std::string> pools_in_panic(const View& view) {
  std::vector<std::string> sentences;
  if (!view.in_force) return sentences;
  for (size_t i = 0; i < view.in_force.states.size() && sentences.size() < kServicesMax; ++i)
    if (view.in_force.states[i].panic)
      sentences.push_back(
          fmt::format("pool {} is in panic: less than {} % of it is up, and backends that are down get work",
                      view.in_force.config->pools[i].name, view.in_force.config->pools[i].panic_below));
  return sentences;
}

std::vector<std::string> services_out(const View& view, std::string_view only_pool) {
  std::vector<std::string> sentences;
  if (!view.in_force) return sentences;
  auto out = out_pools(view.in_force);
  if (!only_pool.empty()) std::erase_if(out, [&](const auto& pool) { return pool.first != only_pool; });
  size_t more = 0;
  for (const auto& service : view.in_force.config->services) {
    auto text = sentence(service, out);
    if (text.empty()) continue;
    sentences.size() < kServicesMax ? sentences.push_back(std::move(text)) : void(++more);
  }
  if (more > 0) sentences.push_back(fmt::format("{} services more are out: `cardea show services` has them", more));
  return sentences;
}

std::vector<std::string> unused_pools(const View& view) {
  if (!view.in_force) return {};
  const conf::PoolUses uses(*view.in_force.config);
  std::string named;
  size_t number = 0;
  for (const auto& pool : view.in_force.config->pools) {
    if (!uses.of(pool.name).none()) continue;
    if (++number <= kServicesMax) named += (named.empty() ? "" : ", ") + pool.name;
  }
  if (number == 0) return {};
  if (number > kServicesMax) named += fmt::format(" and {} more", number - kServicesMax);
  return {fmt::format("no service or route leads to {} {}: nothing gets there", number == 1 ? "pool" : "pools", named)};
}

std::vector<std::string> unchecked_backends(const std::vector<health::TargetStatus>& health) {
  std::map<std::string_view, std::vector<const health::TargetStatus*>> by_reason;
  for (const auto& one : health)
    if (!one.own_failure.empty()) by_reason[one.own_failure].push_back(&one);
  std::vector<std::string> sentences;
  for (const auto& [reason, those] : by_reason) {
    const std::string more = those.size() == 1 ? "" : fmt::format(" and {} more", those.size() - 1);
    sentences.push_back(
        fmt::format("this host cannot check {}/{}{}: {}; what they were they stay, and those that "
                    "were up get new work",
                    those[0]->pool, those[0]->backend, more, reason));
  }
  return sentences;
}

}  // namespace cardea::mgmt::api
