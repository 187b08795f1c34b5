// PEM text and OpenSSL's objects: reading them into a library context of one's own, and owning them.
#pragma once

#include <openssl/decoder.h>
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

// Reads private keys. OpenSSL 3.0 spends seven eighths of a key's reading on finding out which decoders there are; a
// reader keeps what was found, and a thousand keys cost 40 ms instead of 300. One thread.
class KeyReader {
 public:
  explicit KeyReader(OSSL_LIB_CTX* library) : library_(library) {}
  KeyReader(const KeyReader&) = delete;
  KeyReader& operator=(const KeyReader&) = delete;
  Result<KeyObject> read(std::string_view pem);  // not encrypted

 private:
  struct DecoderFree {
    void operator()(OSSL_DECODER_CTX* decoder) const { OSSL_DECODER_CTX_free(decoder); }
  };
  bool prepare();
  OSSL_LIB_CTX* library_;
  EVP_PKEY* found_ = nullptr;  // where the decoder puts a key
  bool passphrase_asked_ = false;
  std::unique_ptr<OSSL_DECODER_CTX, DecoderFree> decoder_;  // made with the first key
};

}  // namespace cardea::l7::tls
