// Signatures of tokens by OpenSSL (RFC 7518 3, RFC 8037 3.1).
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>

#include "l7/policy/token_key.h"

namespace cardea::l7::policy {
namespace {

const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
struct FreeSignature {
  void operator()(ECDSA_SIG* signature) const { ECDSA_SIG_free(signature); }
};

bool is_signed_by_secret(const std::string& secret, Algorithm algorithm, std::string_view text, std::string_view signature) {
  unsigned char made[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  const EVP_MD* const digest = EVP_get_digestbyname(digest_of(algorithm));
  if (HMAC(digest, secret.data(), int(secret.size()), bytes(text), text.size(), made, &size) == nullptr) return false;
  return signature.size() == size && CRYPTO_memcmp(made, signature.data(), size) == 0;
}

// OpenSSL wants DER of the two numbers that a token has side by side, each as long as the curve's (RFC 7518 3.4).
std::string as_der(std::string_view pair, size_t size) {
  if (pair.size() != 2 * size) return {};
  const std::unique_ptr<ECDSA_SIG, FreeSignature> made(ECDSA_SIG_new());
  BIGNUM* const r = BN_bin2bn(bytes(pair), int(size), nullptr);
  BIGNUM* const s = BN_bin2bn(bytes(pair.substr(size)), int(size), nullptr);
  if (!made || ECDSA_SIG_set0(made.get(), r, s) != 1) {
    BN_free(r), BN_free(s);
    return {};
  }
  unsigned char* der = nullptr;
  const int length = i2d_ECDSA_SIG(made.get(), &der);
  std::string text(reinterpret_cast<const char*>(der), size_t(std::max(length, 0)));
  OPENSSL_free(der);
  return text;
}

bool set_padding(EVP_PKEY_CTX* context, Algorithm algorithm) {
  if (kind_of(algorithm) != KeyKind::kRsa) return true;
  if (!is_pss(algorithm)) return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1;
  return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1;
}

bool is_signed_by_key(EVP_PKEY* key, Algorithm algorithm, std::string_view text, std::string_view signature) {
  const std::unique_ptr<EVP_MD_CTX, FreeContext> made(EVP_MD_CTX_new());
  EVP_PKEY_CTX* context = nullptr;
  return made && EVP_DigestVerifyInit_ex(made.get(), &context, digest_of(algorithm), nullptr, nullptr, key, nullptr) == 1 &&
         set_padding(context, algorithm) &&
         EVP_DigestVerify(made.get(), bytes(signature), signature.size(), bytes(text), text.size()) == 1;
}

bool verify(const TokenKey& key, Algorithm algorithm, std::string_view text, std::string_view signature) {
  switch (key.kind) {
    case KeyKind::kSecret:
      return is_signed_by_secret(key.secret, algorithm, text, signature);
    case KeyKind::kP256:
      return is_signed_by_key(key.key.get(), algorithm, text, as_der(signature, 32));
    case KeyKind::kP384:
      return is_signed_by_key(key.key.get(), algorithm, text, as_der(signature, 48));
    case KeyKind::kRsa:
    case KeyKind::kEd25519:
      return is_signed_by_key(key.key.get(), algorithm, text, signature);
  }
  return false;
}

}  // namespace

bool is_signed(const TokenKey& key, Algorithm algorithm, std::string_view text, std::string_view signature) {
  const bool signed_by_it = key.serves(algorithm) && verify(key, algorithm, text, signature);
  ERR_clear_error();
  return signed_by_it;
}

}  // namespace cardea::l7::policy
