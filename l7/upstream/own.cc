#include "l7/upstream/own.h"

#include <algorithm>

#include "l7/upstream/connection.h"

namespace cardea::l7::upstream {
namespace {

bool leads_on(const Connection& connection) {
  const Backend& backend = *connection.backend;
  return !backend.gone && backend.serves && connection.is_of_now();
}

bool serves(const Connection& connection, const Backend& backend, std::string_view host) {
  return connection.backend.get() == &backend && connection.host == verified_host(backend, host);
}

}  // namespace

OwnConnections::OwnConnections() = default;

OwnConnections::~OwnConnections() = default;

Backend* OwnConnections::backend_for(const Pool& pool, std::string_view host) {
  for (const auto& its : all_)
    if (!leads_on(*its)) note_lost(*its);
  std::erase_if(all_, [](const auto& its) { return !leads_on(*its); });
  for (const auto& its : all_) {
    Backend& backend = *its->backend;
    if (its->authenticated && backend.pool.get() == &pool.plan() && serves(*its, backend, host)) return &backend;
  }
  return nullptr;
}

void OwnConnections::note_lost(const Connection& connection) {
  lost_ |= connection.authenticated;
}

Lease OwnConnections::take(const Backend& backend, std::string_view host) {
  const auto at = std::ranges::find_if(all_, [&](const auto& its) { return serves(*its, backend, host); });
  if (at == all_.end()) return {};
  std::unique_ptr<Connection> taken = std::move(*at);
  all_.erase(at);
  taken->unwatch();
  taken->owner = nullptr;
  if (!taken->silent(Proof::kAsked)) {
    note_lost(*taken);
    return {};
  }
  taken->begin();
  taken->reused = true;
  taken->blamed = false;
  taken->backend->count(taken->backend->plan->rows.reused);
  return Lease(taken.release());
}

bool OwnConnections::keep(Lease lease) {
  std::unique_ptr<Connection> connection(std::exchange(lease.connection_, nullptr));
  if (!connection->blamed) connection->backend->carried_out();
  connection->end();
  const bool room = all_.size() < kMax;
  const bool regretted = !room && give_up_one();
  connection->owner = this;
  connection->watch();
  all_.push_back(std::move(connection));
  return !regretted;
}

bool OwnConnections::give_up_one() {
  const auto free = std::ranges::find_if(all_, [](const auto& its) { return !its->authenticated; });
  const bool none = free == all_.end();
  all_.erase(none ? all_.begin() : free);
  return none;
}

void OwnConnections::drop(const Connection& connection) {
  const bool ends = connection.authenticated;
  std::erase_if(all_, [&connection](const auto& its) { return its.get() == &connection; });
  if (!ends) return;
  lost_ = true;
  end_client();
}

}  // namespace cardea::l7::upstream
