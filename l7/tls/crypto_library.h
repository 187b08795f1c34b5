// OpenSSL for one shard. OpenSSL 3.0 looks algorithms up in tables that all users of a library context share behind
// locks, and collapses when threads share them (openssl/openssl#20286); so every shard has a library context of its
// own, and contexts, certificates and keys made in it are never seen by another shard.
#pragma once

#include <openssl/types.h>

#include <cstdint>
#include <memory>
#include <string>

#include "base/error.h"

namespace cardea::l7::tls {

class KeyReader;  // pem.h

class CryptoLibrary {
 public:
  static Result<std::unique_ptr<CryptoLibrary>> create();
  CryptoLibrary(const CryptoLibrary&) = delete;
  CryptoLibrary& operator=(const CryptoLibrary&) = delete;
  ~CryptoLibrary();  // after every context made with it

  OSSL_LIB_CTX* get() const { return context_; }
  KeyReader& keys() const { return *keys_; }
  // Fetched once; a fetch per use is what makes OpenSSL 3.0 slow.
  const EVP_CIPHER* aes_256_cbc() const { return aes_256_cbc_; }

  uint64_t* floods = nullptr;  // counts connections that were cut off for what they sent instead of data; null: nobody asks

 private:
  explicit CryptoLibrary(OSSL_LIB_CTX* context);
  OSSL_LIB_CTX* context_;
  OSSL_PROVIDER* provider_ = nullptr;
  EVP_CIPHER* aes_256_cbc_ = nullptr;
  std::unique_ptr<KeyReader> keys_;
};

// The oldest entry of this thread's OpenSSL error queue in words, and the queue is empty then.
std::string openssl_error();
std::unexpected<Error> fail_openssl(std::string what, Origin origin = Origin::kOperator);

}  // namespace cardea::l7::tls
