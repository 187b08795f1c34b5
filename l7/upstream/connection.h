// A connection to a backend: in a lease while an exchange has it, in the backend's list while it is idle. Its streams
// close with it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "l7/door/transport.h"
#include "l7/tls/tls_stream.h"
#include "l7/upstream/backend.h"
#include "l7/upstream/own.h"
#include "l7/upstream/place.h"

namespace cardea::l7::upstream {

class Connection {
 public:
  Connection(Backend& backend, Place place);  // taken: dialling counts
  Connection(const Connection&) = delete;
  ~Connection();

  Stream& stream() { return tls_stream ? static_cast<Stream&>(*tls_stream) : tcp.stream(); }

  // An exchange has it from now on, or has it no longer.
  void begin() { place.take(); }
  void end() { place.give_back(); }
  // Whoever idles must be silent: what the backend sends, and its end, is watched for.
  void watch();
  void unwatch();
  // It leads where a new one would, was verified as a new one would be, and began as one would.
  bool is_of_now() const {
    return tls == backend->tls && plan->endpoint == backend->plan->endpoint &&
           proxy_header == backend->pool->proxy_header;
  }
  // Nothing came since it went idle.
  bool silent(Proof proof = Proof::kHeard);
  // It may idle: one of the `most` that this host keeps to the backend, if need be in place of the one of this shard's
  // that has idled for longest: clients may choose names for which no connection will be wanted again. It stays one
  // while it is out, so that lending costs nothing that shards share.
  bool keeps_place(uint32_t most);
  // Its backend authenticates it, or may have, or was told whom it is for: from now on it belongs to one client and is
  // lent to no other.
  void become_own();

  std::shared_ptr<Backend> backend;
  std::shared_ptr<const BackendPlan> plan;  // what the lease shows
  std::shared_ptr<BackendCounts> host_counts;
  std::shared_ptr<BackendTls> tls;          // whose context made tls_stream
  const ProxyVersion proxy_header;          // that it began with
  std::string host;                         // the name it was verified for; empty where all hosts share
  std::shared_ptr<KeptSession> session;     // where tls_stream leaves its tickets
  door::Transport tcp;
  std::optional<tls::TlsStream> tls_stream;  // over tcp
  Instant idle_since{};
  Place place;
  bool counted_kept = false;  // in host_counts
  bool reused = false;
  bool blamed = false;
  bool clients_choice = false;  // HTTP/1 for what one client asked, of a backend that may speak HTTP/2 alone
  bool own = false;
  bool authenticated = false;  // own, and what was said on it cannot be said again on another
  OwnConnections* owner = nullptr;  // holds it between two exchanges

 private:
  struct Watcher : Waiter {
    explicit Watcher(Connection& of);
    Connection& connection;
  };
  Watcher watcher_{*this};
};

}  // namespace cardea::l7::upstream
