// A new connection to a backend: TCP, a header of the PROXY protocol and TLS where the pool speaks them, within one
// deadline.
#include <cstring>
#include <utility>

#include "base/log.h"
#include "l7/upstream/connection.h"

namespace cardea::l7::upstream {
namespace {

// What is asked for by SNI and verified. Where the plan names nobody and neither does the client (HTTP/1.0 without Host,
// tcp) it is the backend's own address: verified for no name, any certificate of any authority would do.
std::string server_name(const Connection& connection, std::string_view host) {
  const std::string& planned = connection.tls->plan.server_name;
  const std::string_view name = without_final_dot(planned.empty() ? host : std::string_view(planned));
  return name.empty() ? connection.plan->endpoint.address.text() : std::string(name);
}

Result<> make_context(BackendTls& tls, const tls::CryptoLibrary& crypto) {
  if (tls.context) return {};
  auto made = tls::ClientContext::create(crypto, {.verify = tls.plan.verify, .authorities = tls.plan.authorities});
  if (!made) return std::unexpected(std::move(made.error()));
  tls.context = std::move(*made);
  return {};
}

std::shared_ptr<KeptSession> session_for(const Connection& connection, const std::string& name) {
  Backend& backend = *connection.backend;
  std::shared_ptr<KeptSession> kept = connection.is_of_now() ? backend.session : nullptr;
  if (kept && kept->name == name) return kept;
  kept = std::make_shared<KeptSession>();
  kept->name = name;
  if (connection.is_of_now()) backend.session = kept;
  return kept;
}

// Sets up TLS over a connection that is there; the handshake itself is the caller's to await.
void start_tls(Connection& connection, std::string_view host) {
  const std::string name = server_name(connection, host);
  connection.session = session_for(connection, name);
  connection.tls_stream.emplace(*connection.tls->context, connection.tcp, name, &connection.session->slot);
}

// Where the name is the request's, so is what comes of it: a certificate that does not cover it, and the alert of a
// server that does not know it. Who chooses names could else take healthy backends out. Whatever else is wrong with a
// certificate is wrong with the backend.
Origin whose_fault(const Connection& connection, const tls::Handshake& failed) {
  return failed.of_the_name && connection.tls->plan.server_name.empty() ? Origin::kClient : Origin::kBackend;
}

Error handshake_error(const Connection& connection, const tls::Handshake& failed, std::string_view host) {
  std::string message = "TLS handshake with " + connection.plan->name;
  if (!host.empty()) message.append(" for ").append(host);
  message.append(": ").append(word(failed.failure));
  if (*failed.detail) message.append(" (").append(failed.detail).append(")");
  return {std::move(message), whose_fault(connection, failed), Retry::kSafe};
}

Error not_taken(const Connection& connection, const IoResult& sent) {
  const std::string_view why = sent.error != 0 ? std::strerror(sent.error) : name(sent.status);
  return {"send a PROXY header to " + connection.plan->name + ": " + std::string(why), Origin::kBackend, Retry::kSafe};
}

// Exchanges that others answer do not tell, and health checks need not verify.
void complain(Backend& backend, const Error& error) {
  if (error.origin == Origin::kBackend && !std::exchange(backend.complained, true))
    log::warning("pool {}: {}", backend.pool->name, error.message);
}

// Counted against the backend unless this host or the request is to blame: then the next exchange tries it, and one
// that refused no more than a name has shown that it is there.
std::unexpected<Error> refused(const Connection& connection, Error error) {
  Backend& backend = *connection.backend;
  if (error.origin == Origin::kBackend) {
    backend.count(backend.plan->rows.connect_failures);
    backend.suspicion.connect_failed(backend.now());
    backend.failed();
  } else {
    if (error.origin == Origin::kClient) backend.suspicion.connected();
    backend.suspicion.untried();
  }
  return std::unexpected(std::move(error));
}

}  // namespace

std::string_view without_final_dot(std::string_view host) {
  return host.ends_with('.') ? host.substr(0, host.size() - 1) : host;
}

std::string_view verified_host(const Backend& backend, std::string_view host) {
  return backend.tls && backend.tls->plan.server_name.empty() ? without_final_dot(host) : std::string_view();
}

Task<Result<Lease>> Pool::dial(Arena&, Backend& backend, std::string_view host, std::string_view header, Instant now) {
  backend.suspicion.tried(now);
  const Instant deadline = now + backend.pool->connect_timeout;
  auto connection = std::make_unique<Connection>(backend);
  connection->host = verified_host(backend, host);
  if (connection->tls) {
    Result<> made = make_context(*connection->tls, backend.context.crypto);
    if (!made) co_return refused(*connection, std::move(made.error()));
  }
  Result<> connected = co_await connection->tcp.connect(connection->plan->endpoint, deadline);
  if (!connected) co_return refused(*connection, std::move(connected.error()));
  if (!header.empty()) {
    const IoResult sent = co_await connection->tcp.write_all(header, deadline);
    if (!sent.ok()) co_return refused(*connection, not_taken(*connection, sent));
    connection->become_own();
  }
  if (connection->tls) {
    start_tls(*connection, host);
    const tls::Handshake handshake = co_await connection->tls_stream->handshake(deadline);
    if (!handshake.ok()) {
      Error error = handshake_error(*connection, handshake, host);
      complain(*connection->backend, error);
      co_return refused(*connection, std::move(error));
    }
  }
  connection->backend->complained = false;
  connection->backend->suspicion.connected();
  connection->backend->count(connection->backend->plan->rows.connects);
  co_return Lease(connection.release());
}

}  // namespace cardea::l7::upstream
