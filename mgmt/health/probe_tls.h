// TLS over a connected socket, never blocking. Checks that do not verify accept any certificate, as most backends carry
// self-made ones; those that do verify want the name (or address) the check asks for and the system's trust store.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "mgmt/health/transfer.h"

namespace cardea::mgmt::health {

// What all HTTPS checks share; made at the first of them. Not for several threads at once.
class TlsContexts {
 public:
  Result<SSL_CTX*> get(bool verify);

 private:
  struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  std::unique_ptr<SSL_CTX, Free> unverified_, verified_;
};

class TlsSession {
 public:
  // `name` goes into SNI when it is not an address, and has to be in the certificate when `context` verifies.
  static Result<TlsSession> start(SSL_CTX* context, int fd, const std::string& name);

  Transfer handshake();
  Transfer read(std::span<char> into);
  Transfer write(std::string_view bytes);

 private:
  struct Free {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  explicit TlsSession(SSL* ssl) : ssl_(ssl) {}
  Transfer outcome(int returned);

  std::unique_ptr<SSL, Free> ssl_;
};

}  // namespace cardea::mgmt::health
