// Tokens that say who asks (settings.Jwt): where they stand, whose signature and which claims they have to have, and what was
// verified of them before.
#pragma once

#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/policies_generated.h"
#include "l7/policy/token.h"
#include "l7/policy/token_cache.h"
#include "l7/policy/token_key.h"

namespace cardea::l7::policy {

class FileBook;

// A token whose header and claims of time and parties were found good, and whose signature was not looked at yet.
struct UnverifiedToken {
  Token token;
  std::vector<const TokenKey*> keys;  // that it may be signed by, at least one
  std::shared_ptr<const Claims> claims;
  bool slow = false;  // to verify
};

class Jwt {
 public:
  static Result<Jwt> read(const settings::JwtT& from, FileBook& files);

  // Where it stands: a cookie; else a header; else Authorization, as a bearer's.
  const std::string& cookie() const { return from_.cookie; }
  const std::string& header() const { return from_.header; }

  // Null: it is not known yet. `now`: seconds since 1970.
  std::shared_ptr<const Claims> known(std::string_view text, double now) const { return cache_->find(text, now); }
  std::expected<UnverifiedToken, TokenFault> examine(std::string_view text, double now) const;
  // Computes: any thread.
  static bool is_signed(const UnverifiedToken& token);
  void keep(std::string_view text, std::shared_ptr<const Claims> claims, double now) const {
    cache_->keep(text, std::move(claims), now);
  }
  // "WWW-Authenticate: Bearer …" with the word of RFC 6750 3.1 that this fault has.
  std::string_view challenge(TokenFault fault) const;

 private:
  Result<> read_algorithms();
  std::vector<const TokenKey*> keys_of(const Token& token) const;
  bool allows(Algorithm algorithm) const;

  settings::JwtT from_;
  std::shared_ptr<const TokenKeys> keys_;
  std::vector<Algorithm> algorithms_;  // none: whatever the keys are for
  std::string plain_, invalid_, insufficient_;
  std::shared_ptr<TokenCache> cache_;
};

// "Bearer x.y.z" → "x.y.z"; empty where it is no such thing.
std::string_view bearer_token(std::string_view authorization);

}  // namespace cardea::l7::policy
