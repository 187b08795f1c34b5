// Connections to backends that belong to one client's connection: their backend authenticated the connection, or was told
// by its first bytes whom it is for (PROXY protocol), so whoever else spoke on it would be taken for that client. Held
// between the client's exchanges they never idle for others, take no place of the backend's connections_max, and end with
// the client's connection. One thread.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "l7/upstream/pool.h"

namespace cardea::l7::upstream {

class OwnConnections {
 public:
  // Enough for a site whose routes lead to several pools; each costs its backend a connection that does nothing.
  static constexpr size_t kMax = 4;

  OwnConnections();
  OwnConnections(const OwnConnections&) = delete;
  virtual ~OwnConnections();

  // The backend of the authenticated one that serves this host in this pool; null: there is none. Those that a reload has
  // made useless are closed.
  Backend* backend_for(const Pool& pool, std::string_view host);
  // That connection; empty where it has just ended.
  Lease take(const Backend& backend, std::string_view host);
  // Behind an exchange, as Lease::keep(). The one that was not used for longest may have to give way; false: there were
  // none but authenticated ones.
  bool keep(Lease lease);
  bool lost() const { return lost_; }  // an authenticated one was, since the beginning

 protected:
  // A backend ended an authenticated connection that no exchange has: what the client would say next, it would say to one
  // that knows nothing of what it said before.
  virtual void end_client() = 0;

 private:
  friend class Connection;
  void drop(const Connection& connection);
  bool give_up_one();  // true: it was authenticated
  void note_lost(const Connection& connection);

  std::vector<std::unique_ptr<Connection>> all_;  // the one used last is the last
  bool lost_ = false;
};

}  // namespace cardea::l7::upstream
