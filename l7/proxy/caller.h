// Who makes a call: a client's connection, or nobody, where the cache asks for itself what it will be asked for. What
// an exchange needs of either one.
#pragma once

#include <string_view>

#include "l7/proxy/input.h"
#include "l7/runtime/arena.h"
#include "l7/upstream/pool.h"

namespace cardea::l7::proxy {

class ClientEnd;
class Connection;
class Occupant;
class Shard;

struct Caller {
  Caller(Connection& of, ClientEnd& towards);
  // One of several at a time on its connection.
  Caller(Connection& of, ClientEnd& towards, Arena& memory, Input& request, Occupant*& place);
  Caller(Shard& its, Arena& memory, Input& request, bool came_by_tls)
      : shard(its), arena(memory), input(request), tls(came_by_tls) {}

  Shard& shard;
  Arena& arena;  // the exchange's
  Input& input;  // its request, and what the client sent behind that
  Connection* const connection = nullptr;
  ClientEnd* const end = nullptr;
  Occupant** const occupant = nullptr;  // where a tunnel that it becomes is known
  const bool tls;                       // how the request came, which its backend is told
  const bool alone = false;             // its connection has no other now, so that a backend may authenticate it

  bool is_nobody() const { return connection == nullptr; }
  // Its connection ends behind the exchange under way: the service is gone.
  bool leaves() const;

  // Connections to backends that are its connection's own; nobody has none, and keeps none. One of several keeps none that
  // is authenticated.
  upstream::Backend* own_backend(const upstream::Pool& pool, std::string_view host) const;
  upstream::Lease take_own(const upstream::Backend& backend, std::string_view host) const;
  void keep_own(upstream::Lease lease) const;
  bool lost_own() const;
};

}  // namespace cardea::l7::proxy
