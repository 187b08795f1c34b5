// One shard's state of one backend: its standing, what the plan says of it, its idle connections, its TLS session.
// Leases keep it alive when it has left the plan; it takes nothing new then, and touches no counter, because its rows
// may be somebody else's.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "l7/runtime/bell.h"
#include "l7/tls/context.h"
#include "l7/upstream/balance.h"
#include "l7/upstream/pool.h"

namespace cardea::l7::upstream {

// What every connection of a pool needs to speak TLS to its backends. Replaced when the plan's words for it change.
struct BackendTls {
  BackendTlsPlan plan;
  std::unique_ptr<tls::ClientContext> context;  // made by the first dial
  std::unique_ptr<tls::ClientContext> context_alone;  // by the first that wants no HTTP/2
};

class Place;
class Shared;

// A connection that is being made and will, as far as is known, be shared: who would need another meanwhile waits for it.
struct Dialling {
  explicit Dialling(Loop& loop) : over(loop) {}
  std::string host;
  uint32_t expected = 1;  // calls, the first with them
  std::optional<Error> failed;
  Bell over;
};

// A TLS session, with the name it was verified for: resumed for no other, because a resumption verifies nothing. Shared
// with the connections that were dialled for it, because tickets come late: they find the slot of their own name.
struct KeptSession {
  std::string name;
  tls::SessionSlot slot;
};

struct Backend : Standing, LoopTimer, std::enable_shared_from_this<Backend> {
  explicit Backend(const Pool::Context& context);
  ~Backend();

  // What the plan says now; the pool's plan is kept by it.
  void adopt(const std::shared_ptr<const PoolPlan>& pool_plan, const BackendPlan& its,
             const std::shared_ptr<BackendTls>& pool_tls);
  void leave();  // is no longer in the plan

  // idle.cc
  bool takes_back(Connection& connection) const;
  bool give_up_oldest(const BackendCounts& counts);  // leaves its place among the kept to whoever asks
  void put_idle(std::unique_ptr<Connection> connection);
  std::unique_ptr<Connection> take_idle(std::string_view host, Proof proof);
  void drop_idle(Connection& connection);
  void close_idle();

  // share.cc
  // A call on a connection that has room for one; null: there is none.
  Call* begin_call(std::string_view host, Place place, Use use);
  bool has_room(std::string_view host, Use use) const;
  // Whether a connection for this is one that others may have too, as far as is known.
  bool shares(Use use) const;
  // One that is being made for this host and has room for one more; null: none.
  std::shared_ptr<Dialling> joinable(std::string_view host) const;
  void end_shared();  // none of them takes more calls

  // A place of connections_max for the connection that begins next, in the same turn. False: there is none, another
  // shard having been quicker than whoever chose this backend.
  bool claim();
  void unclaim();

  // What balance learns of exchanges: an answer's status and how long its head took, where the backend had the whole
  // request at once; that none came, or no whole one; that all of it did. A failure is never fast, and neither is an
  // error that may be one.
  void heard(uint16_t status, std::optional<std::chrono::nanoseconds> took);
  void failed();
  void carried_out();

  void count(uint32_t row, uint64_t n = 1) const;
  void set_busy(uint32_t now_busy);
  void set_own(uint32_t now_own);
  Instant now() const { return context.loop.now(); }

  const Pool::Context& context;
  std::shared_ptr<const PoolPlan> pool;
  std::shared_ptr<const BackendPlan> plan;
  std::shared_ptr<BackendTls> tls;  // null: plain
  std::vector<std::unique_ptr<Connection>> idle;  // the one used last is the last
  std::vector<std::shared_ptr<Shared>> shared;    // HTTP/2: such as take calls, those with the most in front
  std::vector<std::shared_ptr<Dialling>> dialling;
  uint32_t calls_each = 0;                        // HTTP/2: what the last connection took at once; 0: there was none
  bool speaks_http1 = false;                      // where it may choose: so it did last
  bool refuses_websockets = false;                // HTTP/2: so its last connection said
  std::shared_ptr<KeptSession> session;  // of the name that was dialled last
  uint32_t own = 0;                               // connections that belong to one client's each
  Queue* queue = nullptr;                         // of who waits for a place anywhere in the pool; null: it left
  Queue own_queue;                                // of whose own connection leads here: no other place will do
  bool claimed = false;
  bool gone = false;
  bool complained = false;  // of its TLS, since a connection was made: once a shard is enough to be read

 private:
  void come_back();
  static void expire_idle(LoopTimer& timer);
};

// The host as a certificate has it: without the dot that only says that a name is whole (RFC 6066 3).
std::string_view without_final_dot(std::string_view host);
// The name that an idle connection must have been verified for to serve this host; empty where all hosts share.
std::string_view verified_host(const Backend& backend, std::string_view host);

}  // namespace cardea::l7::upstream
