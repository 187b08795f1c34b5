// How long a response may be used and for which request (RFC 9111 4.2, RFC 5861): pure arithmetic on seconds, for a
// cache that is shared. Where words contradict each other or make no sense the shorter time counts.
#pragma once

#include <cstdint>

#include "l7/cache/cache.h"
#include "l7/http/cache_control.h"
#include "l7/http/head.h"

namespace cardea::l7::cache {

struct Freshness {
  int64_t received = 0;                 // seconds since 1970
  uint32_t age = 0;                     // what it had then (4.2.3)
  uint32_t lifetime = 0;                // 4.2.1
  uint32_t stale_while_revalidate = 0;  // seconds beyond its lifetime
  uint32_t stale_if_error = 0;          // likewise
  bool must_revalidate = false;         // neither of them, nor max-stale
  bool unshared = false;                // nobody said that others may have it: a guess (4.2.2), or no-cache
  bool for_authorized = false;          // also for requests with Authorization (3.5)

  int64_t age_at(int64_t now) const { return age + (now > received ? now - received : 0); }
};

// Where a lifetime is not given it is a tenth of the time since the last change, a day at most, for statuses that RFC
// 9110 15.1 lets be guessed.
// `stale_on_error`: Limits::stale_on_error.
Freshness freshness_of(const http::ResponseHead& response, int64_t now, uint32_t stale_on_error = kStaleOnError);

// What Age says, 0 where it says nothing: of several members the first, who was closest to the origin's clock (RFC 9111
// 5.1).
uint32_t age_of(const http::Headers& response);

// Cache-Control of a request, with Pragma where it stands in for it.
http::CacheControl wish_of(const http::Headers& request);

struct Judgement {
  Result result = Result::kStale;    // or kHit
  int64_t age = 0, fresh_for = 0;
  bool may_serve_stale = false;      // where the backend fails
  bool while_revalidating = false;   // or while somebody else asks the backend
};
Judgement judge(const Freshness& freshness, const http::CacheControl& wish, int64_t now);

}  // namespace cardea::l7::cache
