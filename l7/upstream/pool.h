// One shard's connections to the backends of one pool: which backend gets the next exchange (balance), a connection to
// it that is idle (reuse) or new (dial), and what became of it. The pool outlives reloads; an update replaces what it
// knows of its backends and closes idle connections to those that are gone or no longer serve. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "l7/plan/live_plan.h"
#include "l7/runtime/stream.h"
#include "l7/runtime/task.h"

namespace cardea::l7::upstream {

class Connection;
class Pool;
struct Backend;  // the shard's state of one backend

// Backends that this exchange has already failed on.
struct Tried {
  static constexpr size_t kMax = 8;
  std::array<const Backend*, kMax> backends{};
  uint8_t count = 0;
  bool holds(const Backend* backend) const;
  void add(const Backend* backend);
};

// Why no backend was chosen.
enum class NoBackend : uint8_t {
  kNone,  // no backend serves: "no_backend"
  kBusy,  // all that serve are at connections_max: "backends_busy"
};
std::string_view word(NoBackend why);

// A connection that one exchange has to itself. Dropped, it is closed by RST; keep() gives it back for the next exchange.
class Lease {
 public:
  Lease() = default;
  Lease(Lease&& other) noexcept;
  Lease& operator=(Lease&& other) noexcept;
  ~Lease();

  explicit operator bool() const { return connection_ != nullptr; }
  Stream& stream() const;
  const BackendPlan& backend() const;  // valid as long as the lease
  bool reused() const;                 // an idle connection: the backend may have closed it meanwhile
  // The response ended where it should and nothing of it is left unread.
  void keep();
  // The exchange failed on the backend's side; counted, and remembered by balance.
  void blame();
  void close(Close how);

 private:
  friend class Pool;
  explicit Lease(Connection* connection) : connection_(connection) {}
  Connection* connection_ = nullptr;
};

class Pool {
 public:
  struct Context;  // what a shard gives each pool: loop, cells of its stats block, TLS library, how many shards there are

  Pool(Context& context, std::shared_ptr<const PoolPlan> plan);
  Pool(const Pool&) = delete;
  ~Pool();

  const PoolPlan& plan() const;
  void update(std::shared_ptr<const PoolPlan> plan);

  // The backend for the next exchange, never one of `tried`. `hash` is the client's flow hash: kMaglev takes the ring's
  // slot for it and, where that backend was tried or is busy, goes on along the ring. A backend that refused
  // connections a moment ago is passed over while others serve.
  std::expected<Backend*, NoBackend> choose(uint64_t hash, const Tried& tried, Instant now);
  // An idle connection to it, the one used last; an empty Lease when there is none.
  Lease reuse(Backend& backend);
  // A new one. An Error has origin backend and is safe to retry: nothing was sent. `host`: for SNI where the pool's TLS
  // names no server.
  Task<Result<Lease>> dial(Arena& arena, Backend& backend, std::string_view host, Instant now);

  size_t idle() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cardea::l7::upstream
