// What TLS connections of one shard share. ServerContext answers for a set of certificates and chooses among them by
// the name the client asks for (exact, then wildcard, then the default); ClientContext speaks to backends. Both allow
// TLS 1.2 and 1.3 with forward secrecy and authenticated ciphers only, X25519 first, and no renegotiation.
#pragma once

#include <openssl/types.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "l7/tls/certificate.h"
#include "l7/tls/client_trust.h"
#include "l7/tls/crypto_library.h"
#include "l7/tls/ticket_keys.h"

struct ssl_session_st;

namespace cardea::l7::tls {

using Session = ssl_session_st;  // OpenSSL's SSL_SESSION, which its types.h does not declare

struct SslContextFree {
  void operator()(SSL_CTX* context) const;
};
using SslContext = std::unique_ptr<SSL_CTX, SslContextFree>;

struct ServerOptions {
  uint16_t version_min = 0x0303;                 // TLS 1.2
  std::vector<std::string> alpn = {"http/1.1", "http/1.0"};  // in order of preference; empty: ALPN is not answered
  unsigned tickets = 1;                          // a handshake, TLS 1.3
  std::string service;  // sessions resume only in the one that made them
  std::shared_ptr<const ClientTrust> clients;  // null: they are not asked for certificates
};

// Belongs to its shard's thread. Connections made from it keep what they need of it alive, but not its CryptoLibrary.
// OpenSSL's own context for a certificate costs about a millisecond to make, so it is made by the first handshake that
// asks for it: a thousand services and certificates cost a reload nothing but the tables of their names.
// A session is resumed only where a full handshake would have come to the same: in the service, and with the
// certificates, that made it; all services' tickets are sealed with the same keys.
class ServerContext {
 public:
  // The first certificate answers names that none has. Two certificates with the same names and different kinds of key
  // (EC and RSA, say) serve together, and the client's abilities decide. The certificates were checked when they were
  // loaded. What `previous` has made for the same certificates is taken over.
  static Result<std::unique_ptr<ServerContext>> create(const CryptoLibrary& library,
                                                       std::span<const std::shared_ptr<const Certificate>> certificates,
                                                       std::shared_ptr<const TicketKeys> tickets,
                                                       const ServerOptions& options = {},
                                                       const ServerContext* previous = nullptr);
  ServerContext(const ServerContext&) = delete;
  ServerContext& operator=(const ServerContext&) = delete;
  ~ServerContext();

  void set_ticket_keys(std::shared_ptr<const TicketKeys> tickets) { tickets_ = std::move(tickets); }
  const TicketKeys& ticket_keys() const { return *tickets_; }
  const CryptoLibrary& library() const { return library_; }
  const ServerOptions& options() const { return options_; }

  // The first certificate's. Should OpenSSL refuse it, after all, a context without one: handshakes fail.
  SSL_CTX* default_context();
  // The context whose certificate covers the name; null: none does, or OpenSSL refuses it. Case does not matter.
  SSL_CTX* find(std::string_view server_name);
  const std::string& alpn_wire() const { return alpn_wire_; }
  size_t made() const;  // contexts that exist

 private:
  struct TextHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  // Certificates of the same names, one a kind of key.
  struct NameSet {
    std::vector<std::shared_ptr<const Certificate>> certificates;
    SslContext context;    // null: not asked for yet
    bool refused = false;  // by OpenSSL
  };
  ServerContext(const CryptoLibrary& library, std::shared_ptr<const TicketKeys> tickets, const ServerOptions& options);
  void add(const std::shared_ptr<const Certificate>& certificate);
  void take_over(const ServerContext& previous);
  SSL_CTX* context_of(NameSet& set) const;
  Result<> make(NameSet& set) const;
  Result<SslContext> make_context(const NameSet& set) const;
  NameSet* find_set(std::string_view name) const;

  const CryptoLibrary& library_;
  std::shared_ptr<const TicketKeys> tickets_;
  ServerOptions options_;
  std::string alpn_wire_;
  std::vector<std::unique_ptr<NameSet>> sets_;
  std::unordered_map<std::string, NameSet*, TextHash, std::equal_to<>> by_name_;  // "a.example", "*.example"
};

struct ClientOptions {
  bool verify = true;
  std::string authorities;  // PEM file; empty: the system's
  std::vector<std::string> alpn = {"http/1.1"};
  std::shared_ptr<const Certificate> certificate;  // shown to those that ask for one; null: none
};

// Where the last session with one backend is kept for the next connection to it. Outlives the streams that use it; one
// shard's. Empty until a backend hands a session over.
class SessionSlot {
 public:
  SessionSlot() = default;
  SessionSlot(SessionSlot&& other) noexcept : session_(std::exchange(other.session_, nullptr)) {}
  SessionSlot& operator=(SessionSlot&& other) noexcept;
  ~SessionSlot();

  Session* get() const { return session_; }
  void store(Session* session);  // takes it over
  void clear();

 private:
  Session* session_ = nullptr;
};

class ClientContext {
 public:
  static Result<std::unique_ptr<ClientContext>> create(const CryptoLibrary& library, const ClientOptions& options = {});
  SSL_CTX* get() const { return context_.get(); }
  bool verify() const { return verify_; }

 private:
  ClientContext(SslContext context, bool verify) : context_(std::move(context)), verify_(verify) {}
  SslContext context_;
  bool verify_;
};

}  // namespace cardea::l7::tls
