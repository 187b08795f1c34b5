#include "l7/plan/load_rate_limits.h"

#include <fmt/format.h>

namespace cardea::l7::plan_detail {

Result<policy::RateLimits> load_rate_limits(const image::Plan& plan, PlanResources& resources, const LivePlan* running) {
  policy::RateLimits limits;
  if (!plan.rate_limits()) return limits;
  for (const settings::RateLimit* from : *plan.rate_limits()) {
    settings::RateLimitT written;
    from->UnPackTo(&written);
    if (policy::find(limits, written.name)) return fail(fmt::format("rate limit \"{}\" is there twice", written.name));
    const auto known = running ? policy::find(running->rate_limits, written.name) : nullptr;
    auto limit = policy::RateLimit::read(written, known.get());
    if (!limit) return std::unexpected(std::move(limit.error()));
    stats::RowAdder add = resources.rows.adder();
    limit->rows = RateLimitRows::add(add, limit->name);
    limit->row_set = resources.rows.hold(std::move(add.rows));
    if (!add.done) return std::unexpected(std::move(add.done.error()));
    limits.push_back(std::make_shared<const policy::RateLimit>(std::move(*limit)));
  }
  return limits;
}

}  // namespace cardea::l7::plan_detail
