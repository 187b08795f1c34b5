#include "l7/upstream/connection.h"

namespace cardea::l7::upstream {

Lease& Lease::operator=(Lease&& other) noexcept {
  if (this == &other) return *this;
  close(Close::kReset);
  connection_ = std::exchange(other.connection_, nullptr);
  return *this;
}

Lease::~Lease() {
  close(Close::kReset);
}

Stream& Lease::stream() const {
  return connection_->stream();
}

const BackendPlan& Lease::backend() const {
  return *connection_->plan;
}

bool Lease::reused() const {
  return connection_->reused;
}

void Lease::authenticate() {
  connection_->become_own();
  connection_->authenticated = true;
}

bool Lease::is_authenticated() const {
  return connection_->authenticated;
}

bool Lease::is_own() const {
  return connection_->own;
}

void Lease::keep() {
  std::unique_ptr<Connection> connection(std::exchange(connection_, nullptr));
  if (!connection->blamed) connection->backend->suspicion.answered();
  connection->end();
  Backend& backend = *connection->backend;
  if (backend.takes_back(*connection)) backend.put_idle(std::move(connection));
}

void Lease::blame() {
  if (std::exchange(connection_->blamed, true)) return;
  Backend& backend = *connection_->backend;
  backend.count(backend.plan->rows.failures);
  backend.suspicion.exchange_failed(backend.now());
  backend.failed();
}

void Lease::heard(uint16_t status, std::chrono::nanoseconds took) {
  connection_->backend->heard(status, took);
}

// An orderly end is one that the exchange had no complaint about.
void Lease::close(Close how) {
  const std::unique_ptr<Connection> connection(std::exchange(connection_, nullptr));
  if (!connection) return;
  if (how == Close::kOrderly && !connection->blamed) connection->backend->suspicion.answered();
  connection->stream().close(how);
}

}  // namespace cardea::l7::upstream
