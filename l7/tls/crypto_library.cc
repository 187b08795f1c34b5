#include "l7/tls/crypto_library.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>

#include "l7/tls/pem.h"

namespace cardea::l7::tls {

Result<std::unique_ptr<CryptoLibrary>> CryptoLibrary::create() {
  OSSL_LIB_CTX* context = OSSL_LIB_CTX_new();
  if (!context) return fail_openssl("create an OpenSSL library context", Origin::kSelf);
  std::unique_ptr<CryptoLibrary> library(new CryptoLibrary(context));
  library->provider_ = OSSL_PROVIDER_load(context, "default");
  if (!library->provider_) return fail_openssl("load OpenSSL's default provider", Origin::kSelf);
  library->aes_256_cbc_ = EVP_CIPHER_fetch(context, "AES-256-CBC", nullptr);
  if (!library->aes_256_cbc_) return fail_openssl("find AES-256-CBC in OpenSSL", Origin::kSelf);
  return library;
}

CryptoLibrary::CryptoLibrary(OSSL_LIB_CTX* context) : context_(context), keys_(std::make_unique<KeyReader>(context)) {}

CryptoLibrary::~CryptoLibrary() {
  keys_.reset();
  EVP_CIPHER_free(aes_256_cbc_);
  if (provider_) OSSL_PROVIDER_unload(provider_);
  OSSL_LIB_CTX_free(context_);
}

std::string openssl_error() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* reason = code ? ERR_reason_error_string(code) : nullptr;
  return reason ? reason : "no reason given by OpenSSL";
}

std::unexpected<Error> fail_openssl(std::string what, Origin origin) {
  return fail(std::move(what) + ": " + openssl_error(), origin);
}

}  // namespace cardea::l7::tls
