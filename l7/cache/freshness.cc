#include "l7/cache/freshness.h"

#include <algorithm>
#include <optional>

#include "l7/http/date.h"
#include "l7/http/fields.h"

namespace cardea::l7::cache {
namespace {

using http::HeaderId;

constexpr int64_t kGuessMax = 24 * 3600;

uint32_t bounded(int64_t seconds) {
  return uint32_t(std::clamp<int64_t>(seconds, 0, INT32_MAX));
}

std::optional<int64_t> date_in(const http::Headers& headers, HeaderId id, int64_t now) {
  if (!headers.has(id) || headers.repeated(id)) return {};
  return http::parse_date(headers.value(id), now);
}

bool may_be_guessed(uint16_t status) {
  return status == 200 || status == 203 || status == 204 || status == 300 || status == 301 || status == 308 || status == 404 ||
         status == 410;
}

uint32_t guess(const http::ResponseHead& response, int64_t date, int64_t now) {
  const auto modified = date_in(response.headers, HeaderId::kLastModified, now);
  if (!modified || !may_be_guessed(response.status)) return 0;
  return bounded(std::min((date - *modified) / 10, kGuessMax));
}

void set_lifetime(const http::ResponseHead& response, const http::CacheControl& control, int64_t date, int64_t now,
                  Freshness& out) {
  if (control.no_cache) {
    out.unshared = !control.is_public;
    return;
  }
  if (control.s_maxage) {
    out.lifetime = bounded(*control.s_maxage);
  } else if (control.max_age) {
    out.lifetime = bounded(*control.max_age);
  } else if (response.headers.has(HeaderId::kExpires)) {
    // What is no date, such as "0", has expired (5.3).
    const auto expires = date_in(response.headers, HeaderId::kExpires, now);
    out.lifetime = expires ? bounded(*expires - date) : 0;
  } else {
    out.unshared = true;
    out.lifetime = guess(response, date, now);
  }
}

// must-revalidate and proxy-revalidate forbid stale service even against RFC 5861's words. s-maxage alone means them too
// (5.2.2.10), but who writes stale-… beside it says what is meant.
void set_staleness(const http::CacheControl& control, uint32_t stale_on_error, Freshness& out) {
  const bool asked = control.stale_while_revalidate || control.stale_if_error;
  out.must_revalidate =
      control.no_cache || control.must_revalidate || control.proxy_revalidate || (control.s_maxage && !asked);
  if (out.must_revalidate) return;
  out.stale_while_revalidate = bounded(control.stale_while_revalidate.value_or(0));
  out.stale_if_error = bounded(control.stale_if_error.value_or(control.s_maxage ? 0 : stale_on_error));
}

bool client_takes_stale(int64_t stale_for, const Freshness& freshness, const http::CacheControl& wish) {
  if (freshness.must_revalidate) return false;
  return wish.any_staleness || (wish.max_stale && stale_for <= int64_t{*wish.max_stale});
}

bool within(int64_t stale_for, uint32_t allowed) {
  return allowed != 0 && stale_for <= int64_t{allowed};
}

}  // namespace

Freshness freshness_of(const http::ResponseHead& response, int64_t now, uint32_t stale_on_error) {
  Freshness out;
  const http::CacheControl control = http::cache_control(response.headers);
  const int64_t date = date_in(response.headers, HeaderId::kDate, now).value_or(now);
  out.received = now;
  out.age = std::max(bounded(now - date), age_of(response.headers));
  out.for_authorized = control.is_public || control.s_maxage || control.must_revalidate;
  set_lifetime(response, control, date, now, out);
  set_staleness(control, stale_on_error, out);
  return out;
}

uint32_t age_of(const http::Headers& response) {
  std::string_view list = response.value(HeaderId::kAge);
  const auto first = http::next_element(list);
  return first ? bounded(http::parse_seconds(*first).value_or(0)) : 0;
}

http::CacheControl wish_of(const http::Headers& request) {
  http::CacheControl wish = http::cache_control(request);
  if (request.has(HeaderId::kPragma) && !request.has(HeaderId::kCacheControl)) {
    wish.no_cache = http::equal_without_case(request.value(HeaderId::kPragma), "no-cache");
  }
  return wish;
}

Judgement judge(const Freshness& freshness, const http::CacheControl& wish, int64_t now) {
  Judgement out;
  out.age = freshness.age_at(now);
  out.fresh_for = int64_t{freshness.lifetime} - out.age;
  if (wish.no_cache) return out;
  const int64_t stale_for = -out.fresh_for;
  const bool young = !wish.max_age || out.age < int64_t{*wish.max_age};
  const bool fresh = out.fresh_for > 0 && out.fresh_for >= int64_t{wish.min_fresh.value_or(0)};
  if (young && (fresh || client_takes_stale(stale_for, freshness, wish))) out.result = Result::kHit;
  out.may_serve_stale = out.fresh_for > 0 || within(stale_for, freshness.stale_if_error);
  out.while_revalidating = young && !wish.min_fresh && within(stale_for, freshness.stale_while_revalidate);
  return out;
}

}  // namespace cardea::l7::cache
