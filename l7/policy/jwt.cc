#include "l7/policy/jwt.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "l7/http/fields.h"
#include "l7/policy/file_book.h"
#include "l7/policy/named_files.h"
#include "l7/policy/quoted.h"
#include "l7/policy/strict_json.h"

namespace cardea::l7::policy {
namespace {

using nlohmann::json;

constexpr size_t kTriesMax = 8;  // keys that a token without a name of one is held against

// What is wrong with when it is good; nothing: it is.
std::optional<TokenFault> fault_of_times(const json& payload, double now, double leeway) {
  const auto expires = seconds_of(payload, "exp");
  if (!expires) return TokenFault::kNoExpiry;
  if (now >= *expires + leeway) return TokenFault::kExpired;
  for (const char* const name : {"nbf", "iat"}) {
    const auto from = seconds_of(payload, name);
    if (payload.contains(name) && (!from || now < *from - leeway)) return TokenFault::kNotYet;
  }
  return {};
}

std::optional<TokenFault> fault_of_parties(const json& payload, const settings::JwtT& from) {
  const auto issuer = payload.find("iss");
  if (!from.issuers.empty() && (issuer == payload.end() || !issuer->is_string() || !names_one(payload, "iss", from.issuers)))
    return TokenFault::kIssuer;
  if (!from.audiences.empty() && !names_one(payload, "aud", from.audiences)) return TokenFault::kAudience;
  return {};
}

// RFC 8693 4.2: "scope" is words in one text.
bool has_scope(const json& payload, const std::string& wanted) {
  const auto found = payload.find("scope");
  if (found == payload.end() || !found->is_string()) return false;
  return (" " + found->get<std::string>() + " ").contains(" " + wanted + " ");
}

bool has_claim(const json& payload, const std::string& wanted) {
  const size_t equals = wanted.find('=');
  const std::string name = wanted.substr(0, equals);
  if (equals == wanted.npos) return payload.contains(name) && !payload[name].is_null();
  const std::string value = wanted.substr(equals + 1);
  return names_one(payload, name, {value}) || (name == "scope" && has_scope(payload, value));
}

}  // namespace

Result<Jwt> Jwt::read(const settings::JwtT& from, FileBook& files) {
  Jwt to;
  to.from_ = from;
  auto keys = files.token_keys(from);
  if (!keys) return std::unexpected(std::move(keys.error()));
  to.keys_ = std::move(*keys);
  if (to.keys_->empty()) return fail("there is no key");
  if (const auto done = to.read_algorithms(); !done) return std::unexpected(done.error());
  to.plain_ = fmt::format("WWW-Authenticate: Bearer realm={}", quoted_text(from.realm));
  to.invalid_ = to.plain_ + ", error=\"invalid_token\"\r\n";
  to.insufficient_ = to.plain_ + ", error=\"insufficient_scope\"\r\n";
  to.plain_ += "\r\n";
  to.cache_ = std::make_shared<TokenCache>();
  return to;
}

Result<> Jwt::read_algorithms() {
  auto algorithms = algorithms_of(from_.algorithms, *keys_);
  if (!algorithms) return std::unexpected(std::move(algorithms.error()));
  algorithms_ = std::move(*algorithms);
  return {};
}

bool Jwt::allows(Algorithm algorithm) const {
  return algorithms_.empty() || std::ranges::find(algorithms_, algorithm) != algorithms_.end();
}

std::vector<const TokenKey*> Jwt::keys_of(const Token& token) const {
  std::vector<const TokenKey*> keys;
  for (const TokenKey& key : *keys_) {
    const bool named = token.key_id.empty() || key.id.empty() || key.id == token.key_id;
    if (named && key.serves(token.algorithm) && keys.size() < kTriesMax) keys.push_back(&key);
  }
  return keys;
}

std::expected<UnverifiedToken, TokenFault> Jwt::examine(std::string_view text, double now) const {
  auto token = read_token(text);
  if (!token) return std::unexpected(token.error());
  if (!allows(token->algorithm)) return std::unexpected(TokenFault::kAlgorithm);
  if (!from_.type.empty() && token->type != from_.type) return std::unexpected(TokenFault::kType);
  UnverifiedToken made;
  made.keys = keys_of(*token);
  if (made.keys.empty()) {
    const bool any = std::ranges::any_of(*keys_, [&](const TokenKey& key) { return key.serves(token->algorithm); });
    return std::unexpected(any ? TokenFault::kUnknownKey : TokenFault::kAlgorithm);
  }
  const json payload = read_object(token->payload);
  if (payload.is_discarded()) return std::unexpected(TokenFault::kMalformed);
  const double leeway = from_.leeway_ms / 1000.0;
  if (const auto fault = fault_of_times(payload, now, leeway)) return std::unexpected(*fault);
  if (const auto fault = fault_of_parties(payload, from_)) return std::unexpected(*fault);
  const bool lacking = !std::ranges::all_of(from_.claims, [&](const std::string& one) { return has_claim(payload, one); });
  made.claims = std::make_shared<const Claims>(Claims{read_texts(payload), *seconds_of(payload, "exp") + leeway, lacking});
  made.slow = made.keys.size() > 1 || made.keys.front()->is_slow();
  made.token = std::move(*token);
  return made;
}

bool Jwt::is_signed(const UnverifiedToken& of) {
  return std::ranges::any_of(of.keys, [&of](const TokenKey* key) {
    return policy::is_signed(*key, of.token.algorithm, of.token.signed_text, of.token.signature);
  });
}

std::string_view Jwt::challenge(TokenFault fault) const {
  return fault == TokenFault::kMissing ? plain_ : fault == TokenFault::kClaims ? insufficient_ : invalid_;
}

std::string_view bearer_token(std::string_view authorization) {
  constexpr std::string_view kScheme = "Bearer ";
  if (authorization.size() < kScheme.size() ||
      !http::equal_without_case(authorization.substr(0, kScheme.size()), kScheme))
    return {};
  return http::trim(authorization.substr(kScheme.size()));
}

}  // namespace cardea::l7::policy
