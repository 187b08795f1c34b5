// A new connection to a backend: TCP, and TLS where the pool speaks it, within one deadline.
#include <utility>

#include "l7/upstream/connection.h"

namespace cardea::l7::upstream {
namespace {

// What is asked for by SNI and verified.
std::string_view server_name(const BackendTls& tls, std::string_view host) {
  return tls.plan.server_name.empty() ? host : std::string_view(tls.plan.server_name);
}

Result<> make_context(BackendTls& tls, const tls::CryptoLibrary& crypto) {
  if (tls.context) return {};
  auto made = tls::ClientContext::create(crypto, {.verify = tls.plan.verify, .authorities = tls.plan.authorities});
  if (!made) return std::unexpected(std::move(made.error()));
  tls.context = std::move(*made);
  return {};
}

// Sets up TLS over a connection that is there; the handshake itself is the caller's to await.
void start_tls(Connection& connection, std::string_view host) {
  KeptSession& session = connection.backend->session;
  const std::string_view name = server_name(*connection.tls, host);
  if (session.name != name) session.slot.clear(), session.name = name;
  connection.tls_stream.emplace(*connection.tls->context, connection.tcp, std::string(name), &session.slot);
}

Error handshake_error(const BackendPlan& plan, const tls::Handshake& failed) {
  std::string message = "TLS handshake with " + plan.name + ": " + std::string(word(failed.failure));
  if (*failed.detail) message.append(" (").append(failed.detail).append(")");
  return {std::move(message), Origin::kBackend, Retry::kSafe};
}

// Counted against the backend unless this host is to blame, which says nothing about it.
std::unexpected<Error> refused(const Connection& connection, Error error) {
  if (error.origin != Origin::kBackend) return std::unexpected(std::move(error));
  Backend& backend = *connection.backend;
  backend.count(backend.plan->rows.connect_failures);
  backend.suspicion.connect_failed(backend.now());
  return std::unexpected(std::move(error));
}

}  // namespace

std::string_view verified_host(const Backend& backend, std::string_view host) {
  return backend.tls && backend.tls->plan.server_name.empty() ? host : std::string_view();
}

Task<Result<Lease>> Pool::dial(Arena&, Backend& backend, std::string_view host, Instant now) {
  backend.suspicion.tried(now);
  const Instant deadline = now + backend.pool->connect_timeout;
  auto connection = std::make_unique<Connection>(backend);
  connection->host = verified_host(backend, host);
  if (connection->tls) {
    Result<> made = make_context(*connection->tls, backend.context.crypto);
    if (!made) co_return std::unexpected(std::move(made.error()));
  }
  Result<> connected = co_await connection->tcp.connect(connection->plan->endpoint, deadline);
  if (!connected) co_return refused(*connection, std::move(connected.error()));
  if (connection->tls) {
    start_tls(*connection, host);
    const tls::Handshake handshake = co_await connection->tls_stream->handshake(deadline);
    if (!handshake.ok()) co_return refused(*connection, handshake_error(*connection->plan, handshake));
  }
  connection->backend->suspicion.connected();
  connection->backend->count(connection->backend->plan->rows.connects);
  co_return Lease(connection.release());
}

}  // namespace cardea::l7::upstream
