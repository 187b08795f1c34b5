#include "l7/proxy/caller.h"

#include "l7/proxy/connection.h"

namespace cardea::l7::proxy {

Caller::Caller(Connection& of, ClientEnd& towards)
    : shard(of.shard()),
      arena(of.exchange_arena()),
      input(of.input),
      connection(&of),
      end(&towards),
      tls(of.tls() != nullptr) {}

bool Caller::leaves() const {
  return connection != nullptr && connection->service().gone;
}

upstream::Backend* Caller::own_backend(const upstream::Pool& pool, std::string_view host) const {
  return connection == nullptr ? nullptr : connection->own_backend(pool, host);
}

upstream::Lease Caller::take_own(const upstream::Backend& backend, std::string_view host) const {
  return connection == nullptr ? upstream::Lease() : connection->take_own(backend, host);
}

void Caller::keep_own(upstream::Lease lease) const {
  if (connection == nullptr) return lease.close(Close::kOrderly);
  connection->keep_own(std::move(lease));
}

bool Caller::lost_own() const {
  return connection != nullptr && connection->lost_own();
}

}  // namespace cardea::l7::proxy
