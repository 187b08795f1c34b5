#include "l7/proxy/guard.h"

#include <fmt/format.h>

#include "l7/proxy/exchange.h"
#include "l7/proxy/header_changes.h"
#include "l7/proxy/own_head.h"
#include "l7/proxy/variables.h"
#include "l7/runtime/offload.h"

namespace cardea::l7::proxy {
namespace {

using http::HeaderId;
using policy::RateLimit;

// ------------------------------------------------------------------ rate limits

uint64_t key_of(Exchange& x, const RateLimit& limit, std::string_view text) {
  const HashKey key = x.plan->plan->hash_key;
  if (!text.empty()) return text_hash(key, text, limit.name);
  IpAddress client = x.record.client.address;
  if (!client.is_v4()) std::fill(client.bytes.begin() + 8, client.bytes.end(), decltype(client.bytes)::value_type{});
  return text_hash(key, {reinterpret_cast<const char*>(client.bytes.data()), client.bytes.size()}, limit.name);
}

// Seconds, whole ones, as RFC 9110 10.2.3 has it.
std::string_view retry_after(Exchange& x, std::chrono::nanoseconds in) {
  constexpr size_t kRoom = 40;
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(in).count();
  char* const text = x.arena().characters(kRoom);
  return {text, fmt::format_to_n(text, kRoom, "Retry-After: {}\r\n", seconds).size};
}

Failure keep_limit(Exchange& x, const RateLimit& limit) {
  std::string_view text;
  const bool by_text = !limit.key.is_fixed() || !limit.key.pieces().front().text.empty();
  if (by_text && (text = write_text(x, limit.key)).empty()) return {};
  const policy::RateTable::Verdict verdict = limit.table->take(key_of(x, limit, text), limit.rate, x.now().time_since_epoch());
  if (verdict.unknown) count(x.shard(), limit.rows.unknown);
  if (verdict.allowed) return {};
  count(x.shard(), limit.rows.limited);
  x.reply_line = retry_after(x, verdict.retry_in);
  return failure(Reason::kRateLimited, limit.name);
}

// ------------------------------------------------------------------ passwords

struct Asked {
  policy::Credentials credentials;
  std::string_view hash;
  bool known = false;  // the name is
};

Failure unauthorized(Exchange& x, const policy::BasicAuth& auth) {
  count(x.shard(), x.service.rows.unauthorized);
  x.reply_line = auth.challenge;
  return failure(Reason::kUnauthorized);
}

std::optional<Asked> read_password(Exchange& x, const policy::Users& users) {
  const std::string_view value = x.head.headers.value(HeaderId::kAuthorization);
  if (value.empty() || x.head.headers.repeated(HeaderId::kAuthorization)) return {};
  const auto credentials = policy::read_credentials(value, {x.arena().characters(value.size()), value.size()});
  if (!credentials) return {};
  const policy::Users::Hash hash = users.hash_of(credentials->name);
  return Asked{*credentials, hash.text, hash.known};
}

Task<Failure> check_password(Exchange& x, const policy::BasicAuth& auth) {
  const auto asked = read_password(x, *auth.users);
  if (!asked) co_return unauthorized(x, auth);
  policy::Verdicts& verdicts = *x.shard().shared().verdicts;
  std::optional<bool> fits = verdicts.find(asked->credentials, asked->hash);
  if (!fits) {
    auto compute = [&asked, &fits] {
      fits = policy::password_fits(std::string(asked->credentials.password), std::string(asked->hash));
    };
    const bool done = co_await x.shard().shared().offload->run(x.loop(), compute);
    if (!done) co_return failure(Reason::kPasswordsBusy);
    verdicts.keep(asked->credentials, asked->hash, *fits);
  }
  if (!*fits || !asked->known) co_return unauthorized(x, auth);
  x.record.user = asked->credentials.name;
  co_return Failure{};
}

}  // namespace

bool is_preflight(const Exchange& x) {
  return x.head.method == http::Method::kOptions && x.head.headers.has(HeaderId::kOrigin) &&
         x.head.headers.has(HeaderId::kAccessControlRequestMethod) && !policies_of(x).cors.empty();
}

Task<Failure> guard(Exchange& x) {
  const policy::Policies& policies = policies_of(x);
  if (!policies.access.allows(x.record.client.address)) {
    count(x.shard(), x.service.rows.denied);
    co_return failure(Reason::kDenied);
  }
  for (const auto& limit : policies.rate_limits)
    if (const Failure over = keep_limit(x, *limit)) co_return over;
  if (!policies.basic_auth.users || is_preflight(x)) co_return Failure{};
  co_return co_await check_password(x, policies.basic_auth);
}

Task<> answer_preflight(Exchange& x) {
  x.end().drop_body(x);
  x.close = x.end().ends_with(x, http::BodyKind::kLength);
  auto& head = *x.arena().make<http::ResponseHead>();
  x.answer.status = x.record.status = head.status = 204;
  const std::string_view text = write_own_head(x, head, 0);
  iovec piece{const_cast<char*>(text.data()), text.size()};
  co_await send_whole(x, {&piece, 1});
}

}  // namespace cardea::l7::proxy
