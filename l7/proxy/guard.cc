#include "l7/proxy/guard.h"

#include "l7/http/pairs.h"
#include "l7/proxy/check_token.h"
#include "l7/proxy/exchange.h"
#include "l7/proxy/forward_auth.h"
#include "l7/proxy/header_changes.h"
#include "l7/proxy/keep_limits.h"
#include "l7/proxy/own_head.h"
#include "l7/proxy/single_header.h"
#include "l7/runtime/offload.h"

namespace cardea::l7::proxy {
namespace {

using http::HeaderId;

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

// The parameter's value where it is there once.
std::string_view single_parameter(std::string_view query, std::string_view name) {
  std::string_view value;
  size_t count = 0;
  while (const auto pair = http::next_pair(query, '&'))
    if (pair->name == name) value = pair->value, ++count;
  return count == 1 ? value : std::string_view();
}

std::string_view key_of(const Exchange& x, const policy::ApiKeys& keys) {
  const std::string_view value = single_header(x.head.headers, keys.header);
  if (!value.empty() || keys.query.empty()) return value;
  return single_parameter(x.head.query, keys.query);
}

Failure check_key(Exchange& x, const policy::ApiKeys& keys) {
  const auto name = keys.keys->find(key_of(x, keys));
  if (!name) {
    count(x.shard(), x.service.rows.unauthorized);
    x.reply_line = keys.challenge;
    return failure(Reason::kUnauthorized, "api_key");
  }
  x.authorized = true;
  x.record.user = x.api_key = *name;
  return {};
}

// All that is asked for; what costs least first.
Task<Failure> identify_client(Exchange& x, const policy::Policies& policies) {
  if (policies.api_keys.keys)
    if (const Failure unknown = check_key(x, policies.api_keys)) co_return unknown;
  if (policies.basic_auth.users) {
    const Failure unknown = co_await check_password(x, policies.basic_auth);
    if (unknown) co_return unknown;
  }
  if (policies.jwt) {
    const Failure unknown = co_await check_token(x, *policies.jwt);
    if (unknown) co_return unknown;
  }
  if (policies.forward_auth) {
    const Failure stopped = co_await ask_service(x, *policies.forward_auth);
    if (stopped) co_return stopped;
  }
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
  if (!policies.access.allows_kind(x.record.tls_ja4)) {
    count(x.shard(), x.service.rows.denied);
    co_return failure(Reason::kDenied, "ja4");
  }
  if (const Failure over = keep_limits(x, policies, false)) co_return over;
  if (!policies.identifies() || is_preflight(x)) co_return Failure{};
  const Failure unknown = co_await identify_client(x, policies);
  if (unknown || x.refusal) co_return unknown;
  co_return keep_limits(x, policies, true);
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
