#include "l7/upstream/backend.h"

#include <algorithm>
#include <utility>

#include "base/stats.h"
#include "l7/upstream/eject.h"
#include "l7/upstream/shared.h"

namespace cardea::l7::upstream {
namespace {

// All shards write this count, so they do only where somebody reads it.
bool needs_host_count(const PoolPlan& pool, const BackendPlan& its) {
  const Balance by = pool.balance;
  return its.connections_max != 0 || by == Balance::kLeastConn || by == Balance::kP2c || by == Balance::kHash;
}

// What may be under way, of the choice made and of the plan.
uint32_t places(const Backend& backend, uint32_t bound) {
  if (bound == 0 || backend.busy_max == 0) return std::max(bound, backend.busy_max);
  return std::min(bound, backend.busy_max);
}

}  // namespace

Backend::Backend(const Pool::Context& of) : LoopTimer(expire_idle), context(of) {}

Backend::~Backend() = default;

void Backend::adopt(const std::shared_ptr<const PoolPlan>& pool_plan, const BackendPlan& its,
                    const std::shared_ptr<BackendTls>& pool_tls) {
  const bool served = serves && plan != nullptr, known = plan != nullptr;
  if (plan && (plan->endpoint != its.endpoint || tls != pool_tls)) close_idle(), session = nullptr;
  if (plan && pool->proxy_header != pool_plan->proxy_header) close_idle();
  if (pool && pool->http2 != pool_plan->http2) close_idle(), speaks_http1 = false;
  pool = pool_plan;
  plan = std::shared_ptr<const BackendPlan>(pool_plan, &its);
  tls = pool_tls;
  weight = its.weight;
  serves = its.serves();
  busy_max = its.connections_max;
  host_busy = needs_host_count(*pool, its) ? &its.host->busy : nullptr;
  latency = pool->balance == Balance::kP2c ? &its.host->latency : nullptr;
  if (!serves) close_idle();
  standby = its.standby;
  ejection = pool->ejection.used() ? &its.host->ejection : nullptr;
  slow_start.length = pool->slow_start;
  if (known && serves && !served) come_back();
  for (const auto& connection : idle) connection->plan = plan;
  for (const auto& connection : shared) connection->connection().plan = plan;
  set_busy(busy);
  set_own(own);
}

// A health probe, or an operator, said that it did: what was seen of it before is void.
void Backend::come_back() {
  suspicion.answered();
  plan->host->latency.forget();
  plan->host->ejection.forget();
  slow_start.since = now();
}

void Backend::leave() {
  stats::set(context.cells + plan->rows.busy, 0);
  stats::set(context.cells + plan->rows.own, 0);
  gone = true;
  queue = nullptr;
  serves = false;
  close_idle();
}

bool Backend::claim() {
  const uint32_t most = places(*this, std::exchange(bound, 0));
  if (most != 0 && host_busy != nullptr && !claimed) claimed = plan->host->busy.take(most);
  return most == 0 || claimed;
}

void Backend::unclaim() {
  if (std::exchange(claimed, false)) plan->host->busy.give_back();
}

void Backend::heard(uint16_t status, std::optional<std::chrono::nanoseconds> took) {
  if (status < 200) return;
  const bool gateway_error = status >= 502 && status <= 504;
  if (ejection != nullptr) judge_status(*this, gateway_error);
  if (latency == nullptr) return;
  HostLatency& seen = plan->host->latency;
  if (gateway_error) return seen.penalise({}, now());
  if (!took) return;
  if (status == 429 || status >= 500) return seen.sample_no_faster(*took, now());
  seen.sample(*took, now());
}

void Backend::failed() {
  if (latency != nullptr) plan->host->latency.penalise({}, now());
  if (ejection != nullptr) judge_error(*this);
}

void Backend::carried_out() {
  suspicion.answered();
  if (ejection != nullptr) plan->host->ejection.answered_whole();
}

void Backend::count(uint32_t row, uint64_t n) const {
  if (!gone) stats::add(context.cells + row, n);
}

void Backend::set_busy(uint32_t now_busy) {
  if (now_busy < busy) own_queue.offer();
  if (now_busy < busy && queue != nullptr) queue->offer();
  busy = now_busy;
  if (!gone) stats::set(context.cells + plan->rows.busy, now_busy);
}

void Backend::set_own(uint32_t now_own) {
  own = now_own;
  if (!gone) stats::set(context.cells + plan->rows.own, now_own);
}

}  // namespace cardea::l7::upstream
