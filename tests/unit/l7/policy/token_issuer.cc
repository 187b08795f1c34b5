#include "tests/unit/l7/policy/token_issuer.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <vector>

#include "base/check.h"

namespace cardea::l7::policy::test {
namespace {

EVP_PKEY* generate(std::string_view kind) {
  if (kind.starts_with("RSA")) return EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", size_t(kind == "RSA" ? 2048 : std::stoul(std::string(kind.substr(3)))));
  if (kind.starts_with("P-")) return EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", std::string(kind).c_str());
  return EVP_PKEY_Q_keygen(nullptr, nullptr, std::string(kind).c_str());
}

const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

const EVP_MD* digest(std::string_view algorithm) {
  if (algorithm == "EdDSA") return nullptr;
  return EVP_get_digestbyname(("SHA" + std::string(algorithm.substr(2))).c_str());
}

// DER of two numbers as both side by side.
std::string as_pair(const std::string& der, size_t size) {
  const unsigned char* at = bytes(der);
  ECDSA_SIG* const made = d2i_ECDSA_SIG(nullptr, &at, long(der.size()));
  std::string pair(2 * size, '\0');
  auto* const out = reinterpret_cast<unsigned char*>(pair.data());
  CHECK(BN_bn2binpad(ECDSA_SIG_get0_r(made), out, int(size)) > 0 && BN_bn2binpad(ECDSA_SIG_get0_s(made), out + size, int(size)) > 0);
  ECDSA_SIG_free(made);
  return pair;
}

}  // namespace

std::string base64url(std::string_view bytes) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text;
  uint32_t kept = 0;
  int bits = 0;
  for (const char c : bytes) {
    kept = kept << 8 | uint8_t(c), bits += 8;
    while (bits >= 6) text += kAlphabet[(kept >> (bits -= 6)) & 63];
  }
  if (bits > 0) text += kAlphabet[(kept << (6 - bits)) & 63];
  return text;
}

Issuer::Issuer(std::string_view kind) : key_(generate(kind), EVP_PKEY_free) {
  CHECK(key_ != nullptr);
}

std::string Issuer::signature(std::string_view text, std::string_view algorithm) const {
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  EVP_PKEY_CTX* inner = nullptr;
  CHECK(EVP_DigestSignInit(context, &inner, digest(algorithm), nullptr, key_.get()) == 1);
  if (algorithm.starts_with("PS"))
    CHECK(EVP_PKEY_CTX_set_rsa_padding(inner, RSA_PKCS1_PSS_PADDING) == 1 &&
          EVP_PKEY_CTX_set_rsa_pss_saltlen(inner, RSA_PSS_SALTLEN_DIGEST) == 1);
  std::string made(1024, '\0');
  size_t size = made.size();
  CHECK(EVP_DigestSign(context, reinterpret_cast<unsigned char*>(made.data()), &size, bytes(text), text.size()) == 1);
  EVP_MD_CTX_free(context);
  made.resize(size);
  return algorithm == "ES256" ? as_pair(made, 32) : algorithm == "ES384" ? as_pair(made, 48) : made;
}

std::string Issuer::sign(std::string_view header, std::string_view payload, std::string_view algorithm) const {
  const std::string text = base64url(header) + "." + base64url(payload);
  return text + "." + base64url(signature(text, algorithm));
}

std::string Issuer::token(std::string_view payload, std::string_view algorithm, std::string_view more) const {
  return sign("{\"alg\":\"" + std::string(algorithm) + "\",\"typ\":\"JWT\"" + std::string(more) + "}", payload, algorithm);
}

std::string Issuer::pem() const {
  BIO* const out = BIO_new(BIO_s_mem());
  CHECK(PEM_write_bio_PUBKEY(out, key_.get()) == 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(out, &data);
  std::string text(data, size_t(size));
  BIO_free(out);
  return text;
}

std::string Issuer::number(const char* name, size_t size) const {
  BIGNUM* made = nullptr;
  CHECK(EVP_PKEY_get_bn_param(key_.get(), name, &made) == 1);
  std::string raw(size != 0 ? size : size_t(BN_num_bytes(made)), '\0');
  CHECK(BN_bn2binpad(made, reinterpret_cast<unsigned char*>(raw.data()), int(raw.size())) > 0);
  BN_free(made);
  return base64url(raw);
}

std::string Issuer::jwk(std::string_view more) const {
  const std::string end = std::string(more) + "}";
  if (EVP_PKEY_is_a(key_.get(), "RSA"))
    return R"({"kty":"RSA","n":")" + number(OSSL_PKEY_PARAM_RSA_N, 0) + R"(","e":")" + number(OSSL_PKEY_PARAM_RSA_E, 0) + "\"" + end;
  if (EVP_PKEY_is_a(key_.get(), "EC")) {
    const size_t size = size_t(EVP_PKEY_get_bits(key_.get()) / 8);
    return R"({"kty":"EC","crv":"P-)" + std::to_string(size * 8) + R"(","x":")" + number(OSSL_PKEY_PARAM_EC_PUB_X, size) +
           R"(","y":")" + number(OSSL_PKEY_PARAM_EC_PUB_Y, size) + "\"" + end;
  }
  std::string raw(32, '\0');
  size_t size = raw.size();
  CHECK(EVP_PKEY_get_raw_public_key(key_.get(), reinterpret_cast<unsigned char*>(raw.data()), &size) == 1);
  return R"({"kty":"OKP","crv":"Ed25519","x":")" + base64url(raw) + "\"" + end;
}

std::string sign_by_secret(std::string_view secret, std::string_view header, std::string_view payload) {
  const size_t at = header.find("HS");
  CHECK(at != header.npos);
  const std::string text = base64url(header) + "." + base64url(payload);
  unsigned char made[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  HMAC(digest(header.substr(at, 5)), secret.data(), int(secret.size()), bytes(text), text.size(), made, &size);
  return text + "." + base64url({reinterpret_cast<const char*>(made), size});
}

}  // namespace cardea::l7::policy::test
