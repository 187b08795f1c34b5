#include "l7/proxy/check_token.h"

#include "l7/http/fields.h"
#include "l7/policy/jwt.h"
#include "l7/proxy/exchange.h"
#include "l7/proxy/single_header.h"
#include "l7/runtime/offload.h"

namespace cardea::l7::proxy {
namespace {

using policy::TokenFault;
using policy::UnverifiedToken;

std::string_view token_of(const Exchange& x, const policy::Jwt& jwt) {
  if (!jwt.cookie().empty()) return single_cookie(x.head.headers, jwt.cookie());
  if (jwt.header().empty()) return policy::bearer_token(single_header(x.head.headers, "Authorization"));
  const std::string_view value = single_header(x.head.headers, jwt.header()), bare = policy::bearer_token(value);
  return bare.empty() ? value : bare;
}

Failure refuse(Exchange& x, const policy::Jwt& jwt, TokenFault fault) {
  x.reply_line = jwt.challenge(fault);
  if (fault == TokenFault::kClaims) {
    count(x.shard(), x.service.rows.denied);
    return failure(Reason::kClaimsMissing);
  }
  count(x.shard(), x.service.rows.unauthorized);
  return failure(Reason::kUnauthorized, word(fault));
}

Failure accept(Exchange& x, const policy::Jwt& jwt, std::shared_ptr<const policy::Claims> claims) {
  if (claims->lacking) return refuse(x, jwt, TokenFault::kClaims);
  x.claims = std::move(claims);
  x.authorized = true;
  if (const std::string_view subject = x.claims->text("sub"); !subject.empty()) x.record.user = x.arena().copy(subject);
  return {};
}

// False: there was no room for it.
Task<bool> verify(Exchange& x, const UnverifiedToken& token, bool& fits) {
  if (!token.slow) {
    fits = policy::Jwt::is_signed(token);
    co_return true;
  }
  auto compute = [&token, &fits] { fits = policy::Jwt::is_signed(token); };
  const bool done = co_await x.shard().shared().offload->run(x.loop(), compute);
  co_return done;
}

}  // namespace

Task<Failure> check_token(Exchange& x, const policy::Jwt& jwt) {
  const std::string_view text = token_of(x, jwt);
  const double now = double(x.record.unix_ms) / 1000;
  if (auto known = jwt.known(text, now)) co_return accept(x, jwt, std::move(known));
  const auto token = jwt.examine(text, now);
  if (!token) co_return refuse(x, jwt, token.error());
  bool fits = false;
  const bool done = co_await verify(x, *token, fits);
  if (!done) co_return failure(Reason::kTokensBusy);
  if (!fits) co_return refuse(x, jwt, TokenFault::kSignature);
  jwt.keep(text, token->claims, now);
  co_return accept(x, jwt, token->claims);
}

}  // namespace cardea::l7::proxy
