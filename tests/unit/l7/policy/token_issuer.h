// Whoever issues tokens, for tests: keys of every kind, and tokens that OpenSSL signs with them as RFC 7515 has it.
#pragma once

#include <openssl/evp.h>

#include <memory>
#include <string>
#include <string_view>

namespace cardea::l7::policy::test {

std::string base64url(std::string_view bytes);

class Issuer {
 public:
  // "RSA", "RSA1024", "P-256", "P-384", "ED25519": a new key.
  explicit Issuer(std::string_view kind);

  // header.payload.signature; `header` and `payload` as they are to stand there.
  std::string sign(std::string_view header, std::string_view payload, std::string_view algorithm) const;
  // With {"alg": …, "typ": "JWT"}, and `more` behind it: ,"kid":"a".
  std::string token(std::string_view payload, std::string_view algorithm, std::string_view more = "") const;
  std::string pem() const;
  // {"kty": …}, with `more` in it: ,"kid":"a".
  std::string jwk(std::string_view more = "") const;

 private:
  std::string number(const char* name, size_t size) const;
  std::string signature(std::string_view text, std::string_view algorithm) const;

  std::shared_ptr<EVP_PKEY> key_;
};

// By a secret.
std::string sign_by_secret(std::string_view secret, std::string_view header, std::string_view payload);

}  // namespace cardea::l7::policy::test
