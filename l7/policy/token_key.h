// Keys that tokens are verified with: of a set (JWKS, RFC 7517), of PEM files, or a secret that both sides know.
#pragma once

#include <openssl/types.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "l7/policy/token_algorithm.h"

namespace cardea::l7::policy {

struct TokenKey {
  KeyKind kind = KeyKind::kSecret;
  std::string id;                      // empty: it has none, and serves whatever a token names
  std::optional<Algorithm> algorithm;  // that it is for alone
  std::shared_ptr<EVP_PKEY> key;       // of all but secrets
  std::string secret;

  bool serves(Algorithm of) const { return kind_of(of) == kind && (!algorithm || *algorithm == of); }
  // Some tens of microseconds, or more: for threads that may wait.
  bool is_slow() const;
};

using TokenKeys = std::vector<TokenKey>;

// Of a set those that are for signatures, of a kind that is known here; the others are left out, as RFC 7517 5 has it. Refuses
// a set without one, and keys too weak to be kept or broken. An Error tells nothing of a secret.
Result<TokenKeys> read_key_set(std::string_view text);
// Of a public key or a certificate.
Result<TokenKeys> read_public_key(const std::string& text);
// The file's bytes, but for a line's end behind them. Refuses public keys: who verifies by them has no secret.
Result<TokenKeys> read_secret(std::string_view text);
// Whether there is a secret among them, which nobody else should be able to read.
bool has_secret(const TokenKeys& keys);

// The signature of `text` by this key. Leaves nothing in OpenSSL's queue of errors, which is that of the thread's TLS.
bool is_signed(const TokenKey& key, Algorithm algorithm, std::string_view text, std::string_view signature);

}  // namespace cardea::l7::policy
