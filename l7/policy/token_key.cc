#include "l7/policy/token_key.h"

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "l7/policy/base64url.h"
#include "l7/policy/strict_json.h"

namespace cardea::l7::policy {
namespace {

using nlohmann::json;

constexpr size_t kKeysMax = 64, kSecretMin = 32;
constexpr int kRsaBitsMin = 2048, kRsaBitsMax = 8192;

template <auto kFree>
struct Free {
  void operator()(auto* one) const { kFree(one); }
};
using Number = std::unique_ptr<BIGNUM, Free<BN_free>>;
using Bio = std::unique_ptr<BIO, Free<BIO_free>>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, Free<OSSL_PARAM_BLD_free>>;
using Parameters = std::unique_ptr<OSSL_PARAM, Free<OSSL_PARAM_free>>;
using Context = std::unique_ptr<EVP_PKEY_CTX, Free<EVP_PKEY_CTX_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using Shared = std::shared_ptr<EVP_PKEY>;

Shared owned(EVP_PKEY* key) {
  return key == nullptr ? nullptr : Shared(key, EVP_PKEY_free);
}

const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string text_of(const json& from, const char* name) {
  const auto found = from.find(name);
  return found != from.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// What is no base64url is no key.
std::string bytes_of(const json& from, const char* name) {
  return decode_base64url(text_of(from, name)).value_or("");
}

Shared make_key(const char* type, OSSL_PARAM_BLD* builder) {
  const Parameters parameters(OSSL_PARAM_BLD_to_param(builder));
  const Context context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (!parameters || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1)
    return nullptr;
  return owned(key);
}

Shared make_rsa(const json& from) {
  const std::string modulus = bytes_of(from, "n"), exponent = bytes_of(from, "e");
  if (modulus.empty() || modulus.size() > size_t(kRsaBitsMax / 8) || exponent.empty() || exponent.size() > 8) return nullptr;
  const Number n(BN_bin2bn(bytes(modulus), int(modulus.size()), nullptr)),
      e(BN_bin2bn(bytes(exponent), int(exponent.size()), nullptr));
  const Builder builder(OSSL_PARAM_BLD_new());
  if (!n || !e || !builder || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1)
    return nullptr;
  return make_key("RSA", builder.get());
}

Shared make_ec(const json& from, const char* group, size_t size) {
  const std::string x = bytes_of(from, "x"), y = bytes_of(from, "y");
  if (x.size() != size || y.size() != size) return nullptr;
  const std::string point = "\x04" + x + y;
  const Builder builder(OSSL_PARAM_BLD_new());
  if (!builder || OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, group, 0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) != 1)
    return nullptr;
  return make_key("EC", builder.get());
}

Shared make_edwards(const json& from) {
  const std::string x = bytes_of(from, "x");
  return owned(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes(x), x.size()));
}

std::string group_of(EVP_PKEY* key) {
  char name[64] = {};
  size_t size = 0;
  if (EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, name, sizeof name, &size) != 1) return {};
  return {name, size};
}

// Its kind; nothing: it is of none that is known here.
std::optional<KeyKind> kind_of_key(EVP_PKEY* key) {
  if (EVP_PKEY_is_a(key, "RSA")) return KeyKind::kRsa;
  if (EVP_PKEY_is_a(key, "ED25519")) return KeyKind::kEd25519;
  if (!EVP_PKEY_is_a(key, "EC")) return {};
  const std::string group = group_of(key);
  if (group == "prime256v1") return KeyKind::kP256;
  if (group == "secp384r1") return KeyKind::kP384;
  return {};
}

// An exponent of one verifies whatever somebody writes.
Result<> check_rsa(EVP_PKEY* key) {
  const int bits = EVP_PKEY_get_bits(key);
  if (bits < kRsaBitsMin || bits > kRsaBitsMax)
    return fail(fmt::format("it is of RSA with {} bits, {} to {} are possible", bits, kRsaBitsMin, kRsaBitsMax));
  BIGNUM* e = nullptr;
  if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) != 1) return fail("its exponent cannot be read");
  const Number exponent(e);
  if (!BN_is_odd(e) || BN_is_one(e) || BN_num_bits(e) > 64) return fail("its exponent is none");
  return {};
}

Result<TokenKey> public_key(Shared key, std::string id, std::optional<Algorithm> algorithm) {
  ERR_clear_error();
  if (!key) return fail("it is broken");
  const auto kind = kind_of_key(key.get());
  if (!kind) return fail("it is of a kind that signs no tokens here: RSA, P-256, P-384 and Ed25519 do");
  if (*kind == KeyKind::kRsa)
    if (const auto sound = check_rsa(key.get()); !sound) return std::unexpected(sound.error());
  return TokenKey{*kind, std::move(id), algorithm, std::move(key), {}};
}

Result<TokenKey> secret_key(std::string secret, std::string id, std::optional<Algorithm> algorithm) {
  if (secret.size() < kSecretMin)
    return fail(fmt::format("its secret has {} bytes, of which {} are the least (RFC 7518 3.2)", secret.size(), kSecretMin));
  return TokenKey{KeyKind::kSecret, std::move(id), algorithm, nullptr, std::move(secret)};
}

// Which of the kinds a key of a set is of; nothing: it is for others.
std::optional<KeyKind> kind_said(const json& from) {
  const std::string type = text_of(from, "kty"), curve = text_of(from, "crv");
  if (type == "RSA") return KeyKind::kRsa;
  if (type == "oct") return KeyKind::kSecret;
  if (type == "EC" && curve == "P-256") return KeyKind::kP256;
  if (type == "EC" && curve == "P-384") return KeyKind::kP384;
  if (type == "OKP" && curve == "Ed25519") return KeyKind::kEd25519;
  return {};
}

// RFC 7517 4.2, 4.3, 4.4: what it says of its use is heeded.
bool is_for_tokens(const json& from, KeyKind kind) {
  if (from.contains("use") && text_of(from, "use") != "sig") return false;
  if (const auto uses = from.find("key_ops"); uses != from.end()) {
    if (!uses->is_array() || std::ranges::find(*uses, json("verify")) == uses->end()) return false;
  }
  if (!from.contains("alg")) return true;
  const auto algorithm = algorithm_of(text_of(from, "alg"));
  return algorithm && kind_of(*algorithm) == kind;
}

Result<TokenKey> read_key(const json& from, KeyKind kind) {
  const auto algorithm = algorithm_of(text_of(from, "alg"));
  std::string id = text_of(from, "kid");
  switch (kind) {
    case KeyKind::kRsa:
      return public_key(make_rsa(from), std::move(id), algorithm);
    case KeyKind::kP256:
      return public_key(make_ec(from, "prime256v1", 32), std::move(id), algorithm);
    case KeyKind::kP384:
      return public_key(make_ec(from, "secp384r1", 48), std::move(id), algorithm);
    case KeyKind::kEd25519:
      return public_key(make_edwards(from), std::move(id), algorithm);
    case KeyKind::kSecret:
      return secret_key(bytes_of(from, "k"), std::move(id), algorithm);
  }
  return fail("it is of no kind");
}

}  // namespace

bool TokenKey::is_slow() const {
  constexpr int kQuickBits = 2048;  // 30 us to verify; a secret's takes two, a curve's 100 and more
  return kind != KeyKind::kSecret && (kind != KeyKind::kRsa || EVP_PKEY_get_bits(key.get()) > kQuickBits);
}

Result<TokenKeys> read_key_set(std::string_view text) {
  const json set = read_object(text);
  if (set.is_discarded()) return fail("it is no JSON object, or one with a name twice");
  const auto written = set.find("keys");
  if (written == set.end() || !written->is_array()) return fail("it has no list of \"keys\"");
  if (written->size() > kKeysMax) return fail(fmt::format("it has {} keys, {} are possible", written->size(), kKeysMax));
  TokenKeys keys;
  for (size_t i = 0; i < written->size(); ++i) {
    const json& one = (*written)[i];
    const auto kind = one.is_object() ? kind_said(one) : std::nullopt;
    if (!kind || !is_for_tokens(one, *kind)) continue;
    auto key = read_key(one, *kind);
    if (!key) return std::unexpected(std::move(key.error()).in(fmt::format("key {}", i + 1)));
    keys.push_back(std::move(*key));
  }
  if (keys.empty()) return fail("none of its keys verifies signatures of tokens");
  return keys;
}

Result<TokenKeys> read_public_key(const std::string& text) {
  const auto ask_nobody = [](char*, int, int, void*) { return -1; };  // else OpenSSL asks at the terminal
  const auto open = [&text] { return Bio(BIO_new_mem_buf(text.data(), int(text.size()))); };
  Shared key = owned(PEM_read_bio_PUBKEY(open().get(), nullptr, ask_nobody, nullptr));
  if (!key) {
    const Certificate certificate(PEM_read_bio_X509(open().get(), nullptr, ask_nobody, nullptr));
    if (certificate) key = owned(X509_get_pubkey(certificate.get()));
  }
  ERR_clear_error();
  if (!key) return fail("it is no public key and no certificate (PEM)");
  auto read = public_key(std::move(key), {}, {});
  if (!read) return std::unexpected(std::move(read.error()));
  return TokenKeys{std::move(*read)};
}

Result<TokenKeys> read_secret(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  if (text.find("-----BEGIN") != text.npos) return fail("it is a key of another kind (PEM), and no secret");
  auto read = secret_key(std::string(text), {}, {});
  if (!read) return std::unexpected(std::move(read.error()));
  return TokenKeys{std::move(*read)};
}

bool has_secret(const TokenKeys& keys) {
  return std::ranges::any_of(keys, [](const TokenKey& key) { return key.kind == KeyKind::kSecret; });
}

}  // namespace cardea::l7::policy
