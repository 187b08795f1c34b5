// A signed token (JWS in its compact form, RFC 7515 7.1) as it came: its parts, what its header says of how it is signed, and
// what it claims once that is verified. Nothing that a token's header names is followed or fetched.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "l7/policy/token_algorithm.h"

namespace cardea::l7::policy {

inline constexpr size_t kTokenBytesMax = 16 << 10, kTokenHeaderBytesMax = 4 << 10;

// Why a token is none, in a word for the log: clients are not told.
enum class TokenFault : uint8_t {
  kMissing,
  kMalformed,
  kCritical,   // it asks for something that is not known here
  kAlgorithm,  // of no key, or none that is allowed
  kType,
  kUnknownKey,
  kSignature,
  kNoExpiry,
  kExpired,
  kNotYet,
  kIssuer,
  kAudience,
  kClaims,  // it is good, and its bearer may not do this all the same
};
std::string_view word(TokenFault fault);

struct Token {
  std::string_view signed_text;  // of the token's own text
  std::string signature;
  std::string payload;
  Algorithm algorithm = Algorithm::kRs256;
  std::string key_id;  // empty: it names none
  std::string type;    // "at+jwt"
};
std::expected<Token, TokenFault> read_token(std::string_view text);

// What it says of its bearer, and until when.
struct Claims {
  struct Claim {
    std::string name, text;
  };
  std::vector<Claim> texts;  // those that are a text, a number, a word or a list of such, and can stand in a line
  double until = 0;          // seconds since 1970, the clock's leeway included
  bool lacking = false;      // what its bearer would need to have

  std::string_view text(std::string_view name) const;  // empty: it is not there
  size_t bytes() const;
};
std::vector<Claims::Claim> read_texts(const nlohmann::json& payload);

// Seconds since 1970 as a claim has them; nothing where it is no such number.
std::optional<double> seconds_of(const nlohmann::json& payload, const char* name);
// Whether a claim is one of these, or a list that has one of them.
bool names_one(const nlohmann::json& payload, const std::string& name, const std::vector<std::string>& wanted);

}  // namespace cardea::l7::policy
