#include "l7/policy/rate_limit.h"

#include <fmt/format.h>

#include <algorithm>

namespace cardea::l7::policy {

Result<RateLimit> RateLimit::read(const settings::RateLimitT& from, const RateLimit* running) {
  if (from.requests == 0 || from.period_ms == 0) return fail(fmt::format("rate limit \"{}\" allows nothing", from.name));
  auto key = Template::parse(from.key, Moment::kRequest);
  if (!key) return std::unexpected(std::move(key.error()).in(fmt::format("rate limit \"{}\"", from.name)));
  RateLimit to;
  to.name = from.name;
  to.key = std::move(*key);
  to.rate = Rate::of(from.requests, std::chrono::milliseconds(from.period_ms), from.burst);
  to.keys_max = from.keys_max;
  const bool goes_on = running != nullptr && running->keys_max == to.keys_max;
  to.table = goes_on ? running->table : std::make_shared<RateTable>(to.keys_max);
  return to;
}

std::shared_ptr<const RateLimit> find(const RateLimits& limits, std::string_view name) {
  const auto found = std::ranges::find_if(limits, [name](const auto& limit) { return limit->name == name; });
  return found == limits.end() ? nullptr : *found;
}

}  // namespace cardea::l7::policy
