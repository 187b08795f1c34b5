#include "l7/upstream/shared.h"

namespace cardea::l7::upstream {
namespace {

void blame(Backend& backend) {
  backend.count(backend.plan->rows.failures);
  backend.suspicion.exchange_failed(backend.now());
  backend.failed();
}

}  // namespace

Lease& Lease::operator=(Lease&& other) noexcept {
  if (this == &other) return *this;
  close(Close::kReset);
  connection_ = std::exchange(other.connection_, nullptr);
  call_ = std::exchange(other.call_, nullptr);
  return *this;
}

Lease::~Lease() {
  close(Close::kReset);
}

Stream& Lease::stream() const {
  return call_ ? call_->stream : connection_->stream();
}

http2::BackendStream* Lease::http2() const {
  return call_ ? &call_->stream : nullptr;
}

const BackendPlan& Lease::backend() const {
  return call_ ? *call_->plan : *connection_->plan;
}

bool Lease::reused() const {
  return call_ ? call_->reused : connection_->reused;
}

// A connection that several share is nobody's own: from now on nobody else begins there.
void Lease::authenticate() {
  if (call_) return call_->on->retire();
  connection_->become_own();
  connection_->authenticated = true;
}

bool Lease::is_authenticated() const {
  return connection_ && connection_->authenticated;
}

bool Lease::is_own() const {
  return connection_ && connection_->own;
}

void Lease::keep() {
  if (call_) return close(Close::kOrderly);
  std::unique_ptr<Connection> connection(std::exchange(connection_, nullptr));
  if (!connection->blamed) connection->backend->carried_out();
  connection->end();
  Backend& backend = *connection->backend;
  if (backend.takes_back(*connection)) backend.put_idle(std::move(connection));
}

// A call that was not answered says that of its connection too, when nothing came over that since. What a backend makes
// of a protocol that a client chose says nothing about it.
void Lease::blame() {
  bool& blamed = call_ ? call_->blamed : connection_->blamed;
  if (std::exchange(blamed, true)) return;
  if (connection_ && connection_->clients_choice) return;
  if (call_ && call_->on->heard <= call_->began) call_->on->doubt();
  upstream::blame(call_ ? *call_->on->connection().backend : *connection_->backend);
}

void Lease::heard(uint16_t status, std::optional<std::chrono::nanoseconds> took) {
  (call_ ? call_->on->connection() : *connection_).backend->heard(status, took);
}

// An orderly end is one that the exchange had no complaint about.
void Lease::close(Close how) {
  if (const std::unique_ptr<Call> call{std::exchange(call_, nullptr)}) {
    if (how == Close::kOrderly && !call->blamed) call->on->connection().backend->carried_out();
    return;
  }
  const std::unique_ptr<Connection> connection(std::exchange(connection_, nullptr));
  if (!connection) return;
  if (how == Close::kOrderly && !connection->blamed) connection->backend->carried_out();
  connection->stream().close(how);
}

}  // namespace cardea::l7::upstream
