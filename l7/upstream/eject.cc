#include "l7/upstream/eject.h"

#include <algorithm>

#include "base/log.h"

namespace cardea::l7::upstream {
namespace {

bool reached(uint32_t in_a_row, uint32_t limit) {
  return limit != 0 && in_a_row >= limit;
}

// Once for all shards: whoever comes while another decides leaves it to that one.
void eject(Backend& backend, const char* what, uint32_t row) {
  const PoolPlan& pool = *backend.pool;
  HostEjection& its = backend.plan->host->ejection;
  if (backend.gone || pool.host->ejecting.test_and_set(std::memory_order_acquire)) return;
  const Instant now = backend.now();
  const bool may = !its.ejected(now) && may_eject(pool, *backend.plan, now);
  if (may) its.eject(now, pool.ejection.time, pool.ejection.time_max);
  pool.host->ejecting.clear(std::memory_order_release);
  if (!may) {  // it is asked again behind as many errors, not at each: that costs a look at all backends
    its.answered_whole(), its.answered_well();
    return;
  }
  backend.count(row);
  const auto pause = std::chrono::duration_cast<std::chrono::milliseconds>(its.until() - now);
  log::warning("pool {}: {} is left alone for {} ms, after {} in a row", pool.name, backend.plan->name, pause.count(),
               what);
}

}  // namespace

bool may_eject(const PoolPlan& pool, const BackendPlan& backend, Instant now) {
  size_t serving = 0, ejected = 0;
  for (const BackendPlan& one : pool.backends) {
    if (!one.serves() || one.standby) continue;
    serving++;
    if (one.host->ejection.ejected(now)) ejected++;
  }
  const size_t most = std::max<size_t>(1, serving * pool.ejection.share_max / 100);
  return backend.serves() && ejected + 1 <= most && ejected + 1 < serving;
}

void judge_status(Backend& backend, bool gateway_error) {
  HostEjection& its = backend.plan->host->ejection;
  if (!gateway_error) return its.answered_well();
  if (reached(its.count_gateway_error(), backend.pool->ejection.gateway_errors))
    eject(backend, "gateway errors", backend.plan->rows.ejected_gateway_errors);
}

void judge_error(Backend& backend) {
  HostEjection& its = backend.plan->host->ejection;
  const bool errors = reached(its.count_error(), backend.pool->ejection.errors);
  if (errors) return eject(backend, "errors", backend.plan->rows.ejected_errors);
  judge_status(backend, true);
}

}  // namespace cardea::l7::upstream
