#include "l7/proxy/caller.h"

#include "l7/proxy/connection.h"

namespace cardea::l7::proxy {

Caller::Caller(Connection& of, ClientEnd& towards)
    : shard(of.shard()),
      arena(of.exchange_arena()),
      input(of.input),
      connection(&of),
      end(&towards),
      occupant(&of.occupant),
      tls(of.tls() != nullptr),
      alone(true) {}

Caller::Caller(Connection& of, ClientEnd& towards, Arena& memory, Input& request, Occupant*& place)
    : shard(of.shard()),
      arena(memory),
      input(request),
      connection(&of),
      end(&towards),
      occupant(&place),
      tls(of.tls() != nullptr) {}

bool Caller::leaves() const {
  return connection != nullptr && connection->service().gone;
}

upstream::Backend* Caller::own_backend(const upstream::Pool& pool, std::string_view host) const {
  return is_nobody() ? nullptr : connection->own_backend(pool, host);
}

upstream::Lease Caller::take_own(const upstream::Backend& backend, std::string_view host) const {
  return is_nobody() ? upstream::Lease() : connection->take_own(backend, host);
}

void Caller::keep_own(upstream::Lease lease) const {
  if (is_nobody() || (!alone && lease.is_authenticated())) return lease.close(Close::kOrderly);
  connection->keep_own(std::move(lease));
}

bool Caller::lost_own() const {
  return alone && connection->lost_own();
}

}  // namespace cardea::l7::proxy
