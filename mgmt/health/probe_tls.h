// TLS over a connected socket, never blocking. Checks that do not verify accept any certificate, as most backends carry
// self-made ones; those that do verify want the name (or address) the check asks for, signed by the pool's authorities
// or, without any, by one of the system's trust store. One thread makes all checks, and OpenSSL goes on inside one call
// while what it reads is no data (key updates, tickets): who sends more than a few of those is cut off.
#pragma once

#include <openssl/ssl.h>

#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "mgmt/health/transfer.h"

namespace cardea::mgmt::health {

struct PoolTls {  // how cardea-l7 speaks TLS to the backends of the pool
  std::string server_name;  // empty: none of its own
  std::string authorities;  // PEM file; empty: the system's
  bool operator==(const PoolTls&) const = default;
};

// What HTTPS checks share; made at the first of them, and again when the authorities' file has changed. Not for several
// threads at once.
class TlsContexts {
 public:
  Result<SSL_CTX*> get(bool verify, const std::string& authorities = {});

 private:
  struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  using Context = std::unique_ptr<SSL_CTX, Free>;
  using Version = std::filesystem::file_time_type;  // of a file
  struct Verified {
    Context context;
    Version version;
  };
  static Result<Context> make(bool verify, const std::string& authorities);
  Context unverified_;
  std::map<std::string, Verified> verified_;  // by authorities
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
  // Counts what comes without data, within OpenSSL.
  struct Quiet {
    static constexpr int kMax = 32;  // records, or messages, since the last data
    int records = 0, messages = 0;
    bool established = false;
    bool too_much() const { return records > kMax + 1 || messages > kMax; }  // one record may be the data's
    static void note(int sent, int version, int content, const void* bytes, size_t size, SSL* ssl, void* self);
  };
  explicit TlsSession(SSL* ssl) : ssl_(ssl) {}
  Transfer outcome(int returned);

  std::unique_ptr<Quiet> quiet_ = std::make_unique<Quiet>();
  std::unique_ptr<SSL, Free> ssl_;
};

}  // namespace cardea::mgmt::health
