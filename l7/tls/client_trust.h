// Whose certificates clients may show: authorities and revocations as PEM text, read and checked once by the control
// thread; shards parse it into objects of their own.
#pragma once

#include <openssl/types.h>

#include <memory>
#include <string>

#include "base/error.h"

namespace cardea::l7::tls {

struct ClientTrust {
  std::string authorities_pem;
  std::string revocations_pem;  // certificate revocation lists (RFC 5280 5); empty: none are asked for
  bool required = true;         // a client without a certificate is refused

  // Refuses text in which there are none.
  static Result<std::shared_ptr<const ClientTrust>> of(std::string authorities_pem, std::string revocations_pem,
                                                       bool required);
  // Clients are asked for a certificate from now on.
  Result<> use_in(SSL_CTX* context, OSSL_LIB_CTX* library) const;
  bool operator==(const ClientTrust&) const = default;
};

}  // namespace cardea::l7::tls
