// A new connection to a backend: TCP, a header of the PROXY protocol and TLS where the pool speaks them, within one
// deadline.
#include <cstring>
#include <utility>

#include "base/log.h"
#include "l7/http/final_dot.h"
#include "l7/upstream/shared.h"

namespace cardea::l7::upstream {
namespace {

// What is asked for by SNI and verified. Where the plan names nobody and neither does the client (HTTP/1.0 without Host,
// tcp) it is the backend's own address: verified for no name, any certificate of any authority would do.
std::string server_name(const Connection& connection, std::string_view host) {
  const std::string& planned = connection.tls->plan.server_name;
  const std::string_view name = without_final_dot(planned.empty() ? host : std::string_view(planned));
  return name.empty() ? connection.plan->endpoint.address.text() : std::string(name);
}

// `http2` is offered, and preferred, where the backend may choose.
Result<tls::ClientContext*> context_for(BackendTls& tls, const tls::CryptoLibrary& crypto, bool http2) {
  auto& context = http2 ? tls.context : tls.context_alone;
  if (context) return context.get();
  tls::ClientOptions options{.verify = tls.plan.verify, .authorities = tls.plan.authorities};
  options.certificate = tls.plan.certificate;
  if (http2) options.alpn.insert(options.alpn.begin(), "h2");
  auto made = tls::ClientContext::create(crypto, options);
  if (!made) return std::unexpected(std::move(made.error()));
  context = std::move(*made);
  return context.get();
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
void start_tls(Connection& connection, tls::ClientContext& context, std::string_view host) {
  const std::string name = server_name(connection, host);
  connection.session = session_for(connection, name);
  connection.tls_stream.emplace(context, connection.tcp.stream(), name, &connection.session->slot);
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

// It took the connection, and not the protocol that its client wants there.
bool refused_protocol(const Connection& connection) {
  return connection.clients_choice && connection.tls_stream;
}

// Counted against the backend unless this host or the request is to blame: then the next exchange tries it, and one
// that refused no more than a name or a protocol has shown that it is there.
std::unexpected<Error> refused(const Connection& connection, Error error) {
  Backend& backend = *connection.backend;
  const bool protocol = refused_protocol(connection);
  if (error.origin == Origin::kBackend && !protocol) {
    backend.count(backend.plan->rows.connect_failures);
    backend.suspicion.connect_failed(backend.now());
    backend.failed();
  } else {
    if (error.origin == Origin::kClient || protocol) backend.suspicion.connected();
    backend.suspicion.untried();
  }
  return std::unexpected(std::move(error));
}

bool speaks_http2(const Connection& connection, bool alone) {
  const Http2 how = connection.backend->pool->http2;
  if (alone || how == Http2::kOff) return false;
  return how == Http2::kPriorKnowledge || (connection.tls_stream && connection.tls_stream->alpn() == "h2");
}

// What for.
struct Wanted {
  std::string_view host;
  std::string_view header;  // of the PROXY protocol
  Use use = Use::kRequest;
  bool alone = false;       // by HTTP/1
};

// TCP, what tells whom it is for, and where the pool speaks it TLS.
Task<Result<>> connect(Arena&, Connection& connection, Wanted wanted, Instant deadline) {
  tls::ClientContext* context = nullptr;
  if (connection.tls) {
    auto made = context_for(*connection.tls, connection.backend->context.crypto,
                            !wanted.alone && connection.backend->pool->http2 != Http2::kOff);
    if (!made) co_return std::unexpected(std::move(made.error()));
    context = *made;
  }
  const Result<door::TcpStream*> ours = connection.tcp.dial(connection.backend->context.door, connection.plan->endpoint);
  if (!ours) co_return std::unexpected(ours.error());
  Result<> connected;
  if (*ours) {
    const Wake answered = co_await (*ours)->writable(deadline);
    connected = (*ours)->connected(answered);
  } else {
    connected = co_await connection.tcp.kernel().connect(connection.plan->endpoint, deadline);
  }
  if (!connected) co_return connected;
  if (!wanted.header.empty()) {
    const IoResult sent = co_await connection.tcp.stream().write_all(wanted.header, deadline);
    if (!sent.ok()) co_return std::unexpected(not_taken(connection, sent));
    connection.become_own();
  }
  if (!context) co_return Result<>();
  start_tls(connection, *context, wanted.host);
  const tls::Handshake handshake = co_await connection.tls_stream->handshake(deadline);
  if (handshake.ok()) co_return Result<>();
  Error error = handshake_error(connection, handshake, wanted.host);
  complain(*connection.backend, error);
  co_return std::unexpected(std::move(error));
}

void note_connected(Backend& backend) {
  backend.complained = false;
  backend.suspicion.connected();
  backend.count(backend.plan->rows.connects);
}

// The backend has said what it takes, or has shown that it does not speak HTTP/2.
Task<Result<std::unique_ptr<Call>>> share(Arena&, std::unique_ptr<Connection> connection, Instant deadline) {
  Place place = std::move(connection->place);
  const std::shared_ptr<Shared> shared = Shared::start(std::move(connection));
  while (!shared->ready && !shared->ended) {
    const Wake wake = co_await shared->settled().wait(deadline);
    if (wake == Wake::kTimeout) break;
  }
  Connection& its = shared->connection();
  if (shared->room() == 0) {
    shared->retire();
    const char* what = shared->ready ? " takes no calls by HTTP/2" : " does not speak HTTP/2";
    co_return refused(its, {its.plan->name + what, Origin::kBackend, Retry::kSafe});
  }
  note_connected(*its.backend);
  its.backend->calls_each = shared->room();
  its.backend->refuses_websockets = !shared->takes_websockets();
  if (!its.is_of_now() || its.backend->gone || !its.backend->serves) shared->retire();
  if (!shared->leaving) its.backend->shared.push_back(shared);
  co_return std::make_unique<Call>(shared, std::move(place));
}

// No lease: the backend takes no WebSockets by HTTP/2. `place` is the caller's again, the connection is there for others.
Task<Result<Lease>> make(Arena& arena, Backend& backend, Wanted wanted, Instant now, std::optional<Place>& place) {
  backend.suspicion.tried(now);
  const Instant deadline = now + backend.pool->connect_timeout;
  auto connection = std::make_unique<Connection>(backend, std::move(*place));
  connection->host = verified_host(backend, wanted.host);
  connection->clients_choice = wanted.alone && backend.pool->http2 != Http2::kOff && !backend.speaks_http1;
  Result<> connected = co_await connect(arena, *connection, wanted, deadline);
  if (!connected) co_return refused(*connection, std::move(connected.error()));
  const bool http2 = speaks_http2(*connection, wanted.alone);
  if (!wanted.alone) connection->backend->speaks_http1 = !http2;
  if (http2) {
    Result<std::unique_ptr<Call>> call = co_await share(arena, std::move(connection), deadline);
    if (!call) co_return std::unexpected(std::move(call.error()));
    if (wanted.use != Use::kWebsocket || (*call)->on->takes_websockets()) co_return Lease(call->release());
    place.emplace(std::move((*call)->place));
    co_return Lease();
  }
  note_connected(*connection->backend);
  co_return Lease(connection.release());
}

// So that others wait for it, as long as the frame lives in which it is made.
class Announced {
 public:
  Announced(Backend& backend, std::string_view host)
      : backend_(backend.shared_from_this()), it_(std::make_shared<Dialling>(backend.context.loop)) {
    it_->host = host;
    backend_->dialling.push_back(it_);
  }
  Announced(const Announced&) = delete;
  ~Announced() {
    std::erase(backend_->dialling, it_);
    it_->over.ring();
  }
  void failed(const Error& error) { it_->failed = error; }

 private:
  std::shared_ptr<Backend> backend_;
  std::shared_ptr<Dialling> it_;
};

// While it is announced, others wait for it.
Task<Result<Lease>> make_announced(Arena& arena, Backend& backend, Wanted wanted, std::string_view verified,
                                   Instant now, std::optional<Place>& place) {
  Announced announced(backend, verified);
  Result<Lease> made = co_await make(arena, backend, wanted, now, place);
  if (!made) announced.failed(made.error());
  co_return made;
}

Task<Result<Lease>> join_or_make(Arena& arena, Backend& of, Wanted wanted, Instant now, std::optional<Place> place) {
  const std::shared_ptr<Backend> backend = of.shared_from_this();
  const std::string verified(verified_host(*backend, wanted.host));
  while (const std::shared_ptr<Dialling> under_way = backend->joinable(verified)) {
    ++under_way->expected;
    co_await under_way->over.wait(kNever);
    if (under_way->failed) co_return std::unexpected(*under_way->failed);
    if (backend->has_room(verified, wanted.use))
      co_return Lease(backend->begin_call(verified, std::move(*place), wanted.use));
    if (wanted.use == Use::kWebsocket && !backend->shares(wanted.use)) break;
  }
  if (wanted.use != Use::kWebsocket || backend->shares(wanted.use)) {
    Result<Lease> made = co_await make_announced(arena, *backend, wanted, verified, now, place);
    if (!made || *made) co_return made;
  }
  wanted.alone = true;
  Result<Lease> by_http1 = co_await make(arena, *backend, wanted, backend->now(), place);
  co_return by_http1;
}

Task<Result<Lease>> make_alone(Arena& arena, Backend& of, Wanted wanted, Instant now, std::optional<Place> place) {
  const std::shared_ptr<Backend> backend = of.shared_from_this();
  Result<Lease> made = co_await make(arena, *backend, wanted, now, place);
  co_return made;
}

}  // namespace

std::string_view without_final_dot(std::string_view host) {
  return http::without_final_dot(host);
}

std::string_view verified_host(const Backend& backend, std::string_view host) {
  return backend.tls && backend.tls->plan.server_name.empty() ? without_final_dot(host) : std::string_view();
}

Task<Result<Lease>> Pool::dial(Arena& arena, Backend& backend, std::string_view host, std::string_view header, Instant now,
                                Use use) {
  Place place(backend.shared_from_this(), backend.plan->host);
  place.take();
  if (backend.shares(use)) return join_or_make(arena, backend, {.host = host, .use = use}, now, std::move(place));
  return make_alone(arena, backend, {host, header, use, use != Use::kRequest}, now, std::move(place));
}

}  // namespace cardea::l7::upstream
