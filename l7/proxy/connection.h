// One client's connection: its socket, the memory of its coroutines, and what the client sent ahead. Idle it holds no
// buffer; what an exchange needs comes from a second arena that is emptied behind it.
#pragma once

#include <array>
#include <cstddef>
#include <memory>

#include "base/proxy_header.h"
#include "l7/door/transport.h"
#include "l7/proxy/ahead_stream.h"
#include "l7/proxy/connection_limits.h"
#include "l7/proxy/input.h"
#include "l7/proxy/live_service.h"
#include "l7/proxy/shard.h"
#include "l7/runtime/task.h"
#include "l7/tls/tls_stream.h"
#include "l7/upstream/own.h"

namespace cardea::l7::proxy {

// What a connection was given over to, when it is no longer an exchange at a time.
class Occupant {
 public:
  virtual ~Occupant() = default;
  // The service is gone: it comes to its end, in its own way.
  virtual void leave() = 0;
};

// What a trusted peer said of whom it carries.
struct Introduction {
  Endpoint destination;  // that its client meant
  std::string server_name, alpn;
};

class Connection final : public LiveConnection {
 public:
  Connection(Shard& shard, LiveService& service, door::Arrived arrived, Sources::Place place);
  ~Connection() override;

  Arena& arena() { return arena_; }                    // as long as the connection
  Arena& exchange_arena() { return exchange_arena_; }  // emptied between exchanges
  Loop& loop() const { return shard().loop(); }

  // What the client writes and reads: the socket, or TLS over it.
  Stream& stream() { return tls_ ? static_cast<Stream&>(*tls_) : socket(); }
  Stream& socket() { return transport_.stream(); }  // below TLS
  const tls::TlsStream* tls() const { return tls_.get(); }
  // From here on the stream is TLS, which begins with what `input` holds. The context outlives the handshake.
  tls::TlsStream& start_tls(tls::ServerContext& context);

  // Who it is for: the peer, or whom a trusted peer named.
  const Endpoint& client() const { return client_; }
  Endpoint listener() const { return introduction_ ? introduction_->destination : transport_.stream().local(); }
  const Introduction* introduction() const { return introduction_.get(); }
  // It is somebody else's than its peer's. False: whoever that is has as many connections as one address may, or
  // has made as many; which is counted.
  bool introduce(const ProxyHeader& header);

  // Idle connections close now (where another process serves on: behind their next exchange), exchanges end as they
  // would and close behind them, an occupant knows for itself.
  void leave() override;

  // Connections to backends that authenticate them. The client's connection ends when one of them did.
  upstream::Backend* own_backend(const upstream::Pool& pool, std::string_view host);
  upstream::Lease take_own(const upstream::Backend& backend, std::string_view host);
  void keep_own(upstream::Lease lease);
  void drop_own() { own_ = nullptr; }
  bool lost_own() const { return own_ && own_->lost(); }

  bool idle = false;         // waits for a request
  std::unique_ptr<CountedKeys> counted_keys;  // by limits of new connections; null: none had any of it
  uint32_t handshake_us = 0;  // TLS's, until an exchange has taken it for its record
  bool late;                 // came when its service had gone, and has not said what it wants
  Occupant* occupant = nullptr;
  Input input;  // what the client sent beyond the last exchange; has a buffer only while there is something

 private:
  struct Own;
  void end_idle();
  // The frames of an idle connection. clang, which builds the tree for sanitizers only, overlaps fewer of a frame's
  // values.
#ifdef __clang__
  static constexpr size_t kFirstBytes = 2048;
#else
  static constexpr size_t kFirstBytes = 832;
#endif

  Sources::Place place_;  // among its address's connections, where they are limited
  Endpoint client_;
  door::Transport transport_;
  std::unique_ptr<Introduction> introduction_;
  std::unique_ptr<AheadStream> ahead_;   // under TLS, where its first bytes were read already
  std::unique_ptr<tls::TlsStream> tls_;  // alone: in arena_ it would lie behind the handshake's frames and cost a chunk
  std::unique_ptr<upstream::OwnConnections> own_;  // null: has never had one
  alignas(16) std::array<std::byte, kFirstBytes> first_;
  Arena arena_, exchange_arena_;
};

// Everything that happens on a connection, from the TLS handshake to its end: for spawn(), with the Connection as
// owner.
Task<> serve(Connection& connection);

}  // namespace cardea::l7::proxy
