#include "l7/proxy/again.h"

#include <algorithm>

#include "l7/http2/backend_stream.h"
#include "l7/policy/retry.h"
#include "l7/proxy/record.h"

namespace cardea::l7::proxy {
namespace {

// What only the pool's `retry` lets be sent again.
bool by_choice(const Exchange& x) {
  const RetryPlan& retry = x.pool->plan().retry;
  return (retry.timeouts && x.failure.is(Reason::kResponseTimeout)) ||
         (retry.bad_responses && x.failure.is(Reason::kBadResponse));
}

bool may_be_repeated(const Exchange& x) {
  return http::is_idempotent(x.head.method) || x.pool->plan().retry.unsafe_methods;
}

policy::FailedAttempt attempt_of(const Exchange& x, bool by_choice) {
  return {
      .sent = x.sent_at != Instant{},
      .reused = may_have_died_idle(x),
      .refused = x.failure.is(Reason::kBackendRefused),
      .ended = x.failure.is(Reason::kBackendClosed) || x.failure.is(Reason::kBackendReset),
      .by_choice = by_choice,
      .answered = x.answer.begun,
      .idempotent = may_be_repeated(x),
      .replayable = x.upload.complete && x.upload.replayable,
      .bound = x.bound,
      .attempts = x.record.attempts,
      .retries_max = x.pool->plan().retries,
  };
}

bool pays(Exchange& x) {
  if (x.pool->retries().spend(x.pool->plan().retry.budget)) return true;
  count(x.shard(), x.pool->plan().rows.retries_denied);
  return false;
}

// Of an attempt under way: if it were given up now, another one would be made.
bool another_may_follow(const Exchange& x) {
  return x.pool->plan().retry.timeouts && !x.answer.sent && policy::may_retry(attempt_of(x, true));
}

}  // namespace

bool may_have_died_idle(const Exchange& x) {
  return x.record.reused && !(x.lease.http2() && x.lease.http2()->was_reset());
}

bool takes_elsewhere(Exchange& x) {
  const bool paid = x.failure.is(Reason::kUnwantedStatus);
  if (x.client_gone || x.answer.sent || x.failure.origin != Origin::kBackend) return false;
  if (!paid && !(policy::may_retry(attempt_of(x, by_choice(x))) && pays(x))) return false;
  count(x.shard(), x.backend_rows.retries);
  return true;
}

bool wants_another_answer(Exchange& x, uint16_t status) {
  const RetryPlan& retry = x.pool->plan().retry;
  if (retry.statuses.empty() || !retry.wants_other(status)) [[likely]]
    return false;
  if (x.client_gone || x.upload.under_way || !x.pool->has_others(x.tried)) return false;
  return policy::may_retry(attempt_of(x, true)) && pays(x);
}

Failure unwanted(uint16_t status) {
  Failure failed = failure(Reason::kUnwantedStatus);
  failed.status = status;
  return failed;
}

// Each 102 begins the wait anew, up to a limit of its own (RFC 2518 10.1); no other 1xx does, so that a flood of them
// ends.
Instant answer_deadline(const Exchange& x) {
  if (x.upload.under_way) return kNever;
  const PoolPlan& plan = x.pool->plan();
  const Instant latest = x.sent_at + std::max(plan.processing_timeout, plan.response_timeout);
  const bool shorter = plan.retry.attempt_timeout.count() != 0 && another_may_follow(x);
  const auto patience = shorter ? std::min(plan.retry.attempt_timeout, plan.response_timeout) : plan.response_timeout;
  return std::min(std::max(x.sent_at, x.answer.working) + patience, latest);
}

}  // namespace cardea::l7::proxy
