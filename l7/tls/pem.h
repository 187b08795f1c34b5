// PEM text and OpenSSL's objects: reading them into a library context of one's own, and owning them.
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace cardea::l7::tls {

struct X509Free {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
struct KeyFree {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using X509Object = std::unique_ptr<X509, X509Free>;
using KeyObject = std::unique_ptr<EVP_PKEY, KeyFree>;

// `library` may be null: OpenSSL's default context. Text around the PEM blocks is skipped.
Result<std::vector<X509Object>> parse_chain(std::string_view pem, OSSL_LIB_CTX* library);  // at least one
Result<KeyObject> parse_key(std::string_view pem, OSSL_LIB_CTX* library);                  // not encrypted

}  // namespace cardea::l7::tls
