#include "l7/policy/rate_limit.h"

#include <fmt/format.h>

#include <algorithm>

namespace cardea::l7::policy {

namespace {

bool says_who(const Template& key) {
  return std::ranges::any_of(key.pieces(), [](const Template::Piece& piece) {
    return piece.variable.id == VariableId::kUser || piece.variable.id == VariableId::kJwtClaim ||
           piece.variable.id == VariableId::kApiKey;
  });
}

// draft-ietf-httpapi-ratelimit-headers-10, 3: a quota, and the seconds that it is for.
std::string policy_text(const settings::RateLimitT& from) {
  return fmt::format("RateLimit-Policy: \"{}\";q={};w={}\r\n", from.name, from.requests, (from.period_ms + 999) / 1000);
}

}  // namespace

Result<RateLimit> RateLimit::read(const settings::RateLimitT& from, const RateLimit* running) {
  if ((from.requests == 0 && from.concurrent == 0) || from.period_ms == 0)
    return fail(fmt::format("rate limit \"{}\" allows nothing", from.name));
  auto key = Template::parse(from.key, Moment::kRequest);
  if (!key) return std::unexpected(std::move(key.error()).in(fmt::format("rate limit \"{}\"", from.name)));
  RateLimit to;
  to.name = from.name;
  to.key = std::move(*key);
  to.by_identity = says_who(to.key);
  to.requests = from.requests, to.concurrent = from.concurrent;
  to.rate = Rate::of(std::max(from.requests, 1u), std::chrono::milliseconds(from.period_ms), from.burst);
  if (from.headers && from.requests != 0) to.policy_line = policy_text(from);
  to.keys_max = from.keys_max;
  const bool goes_on = running != nullptr && running->keys_max == to.keys_max;
  to.places = running != nullptr ? running->places : std::make_shared<PlaceTable>();
  to.table = goes_on ? running->table : std::make_shared<RateTable>(to.keys_max);
  return to;
}

std::shared_ptr<const RateLimit> find(const RateLimits& limits, std::string_view name) {
  const auto found = std::ranges::find_if(limits, [name](const auto& limit) { return limit->name == name; });
  return found == limits.end() ? nullptr : *found;
}

}  // namespace cardea::l7::policy
