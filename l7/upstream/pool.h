// One shard's connections to the backends of one pool: which backend gets the next exchange (balance), a connection to
// it that is idle (reuse) or new (dial), and what became of it. The pool outlives reloads; an update replaces what it
// knows of its backends and closes idle connections to those that are gone or no longer serve. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "l7/plan/live_plan.h"
#include "l7/runtime/stream.h"
#include "l7/runtime/task.h"
#include "l7/tls/crypto_library.h"
#include "l7/upstream/queue.h"
#include "l7/upstream/retry_budget.h"

namespace cardea::l7 {
namespace http2 {
class BackendStream;
}
namespace proxy {
class Buffers;
}
namespace door {
class ShardDoor;
}
}  // namespace cardea::l7

namespace cardea::l7::upstream {

class Connection;
class Pool;
struct Backend;  // the shard's state of one backend
struct Call;     // of a connection that several exchanges share

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

// What one exchange has of a backend: a connection to itself, or by HTTP/2 a call of one that has room for several.
// Dropped, the connection is closed by RST, the call reset; keep() gives either back for the next exchange.
class Lease {
 public:
  Lease() = default;
  explicit Lease(Connection* taken_over) : connection_(taken_over) {}
  explicit Lease(Call* taken_over) : call_(taken_over) {}
  Lease(Lease&& other) noexcept
      : connection_(std::exchange(other.connection_, nullptr)), call_(std::exchange(other.call_, nullptr)) {}
  Lease& operator=(Lease&& other) noexcept;
  ~Lease();

  explicit operator bool() const { return connection_ != nullptr || call_ != nullptr; }
  // The call's stream; null: HTTP/1, by stream().
  http2::BackendStream* http2() const;
  Stream& stream() const;
  const BackendPlan& backend() const;  // valid as long as the lease
  bool reused() const;                 // an idle connection: the backend may have closed it meanwhile
  // The response ended where it should, nothing of it is left unread and nobody waits on the stream. The lease is empty.
  void keep();
  // The exchange failed on the backend's side; counted, and remembered by balance. A reused connection that ended before
  // a byte of the response is nobody's fault: the backend may close what is idle. The lease stays.
  void blame();
  // The head of its answer came, so long after the whole request had been sent at once: what balance goes by.
  void heard(uint16_t status, std::optional<std::chrono::nanoseconds> took);
  // The lease is empty.
  void close(Close how);
  // Its backend authenticates it: it belongs to the client whose exchange this is.
  void authenticate();
  bool is_authenticated() const;
  // It belongs to one client, for that or because it began with that client's address: keep() closes it, OwnConnections
  // hold it.
  bool is_own() const;

 private:
  friend class OwnConnections;
  Connection* connection_ = nullptr;
  Call* call_ = nullptr;
};

// How sure it must be that an idle connection still lives.
enum class Proof : uint8_t {
  kHeard,  // the loop has heard nothing else
  kAsked,  // the kernel was asked just now: a system call, for what cannot be sent twice
};

// What a connection is wanted for.
enum class Use : uint8_t {
  kRequest,    // it may be shared
  kAlone,      // for what HTTP/2 has no words for: no other exchange has it, whatever the pool speaks otherwise
  kWebsocket,  // shared with backends that take such by HTTP/2 (RFC 8441), else as kAlone
};

class Pool {
 public:
  // What a shard gives its pools. It outlives them, their leases, and so does the loop.
  struct Context {
    Loop& loop;
    uint64_t* cells = nullptr;  // the shard's block of the stats segment; BackendRows are offsets in it
    const tls::CryptoLibrary& crypto;
    uint64_t seed = 0;  // of what is left to chance
    proxy::Buffers* buffers = nullptr;  // for calls of HTTP/2
    uint32_t shards = 1;                // of the host
    door::ShardDoor* door = nullptr;    // to backends that our own TCP is spoken to
  };

  Pool(const Context& context, std::shared_ptr<const PoolPlan> plan);
  Pool(const Pool&) = delete;
  ~Pool();  // leases go on until they end

  const PoolPlan& plan() const;
  void update(std::shared_ptr<const PoolPlan> plan);

  // The backend for the next exchange, never one of `tried`. `hash` (policy/balance_key.h): what goes by a ring takes the
  // slot for it and, where that backend was tried or is busy, goes on along the ring. A backend that refused
  // connections a moment ago is passed over while others serve.
  std::expected<Backend*, NoBackend> choose(uint64_t hash, const Tried& tried, Instant now);
  // The backend whose clients say this in their cookie (PoolPlan::sticky_cookie), while it answers: a draining one too.
  // Null: none, or none for now.
  Backend* stays_with(std::string_view cookie, const Tried& tried, Instant now) const;
  // Where exchanges of this shard wait that found all backends busy; or the one that no other will do for.
  std::shared_ptr<Queue> queue() const;
  std::shared_ptr<Queue> queue_at(Backend& only) const;
  // An idle connection to it, the one used last; an empty Lease when there is none. `host` is the request's, without a
  // port: where the pool's TLS names no server, it is what the backend's certificate was verified for, so a connection
  // serves its own host only.
  Lease reuse(Backend& backend, std::string_view host, Proof proof = Proof::kHeard, Use use = Use::kRequest);
  // A new one, within the pool's connect_timeout. An Error has origin backend and is safe to retry: nothing was sent.
  // (Origin client: the backend's certificate does not cover `host`, or it refuses the name; not held against it.)
  // (Origin operator, never retried: the pool's certificate authorities cannot be loaded.)
  // `header`: of the PROXY protocol, where the plan asks for one; the connection is its client's own. It stays where it
  // is until the lease is there.
  // By HTTP/2 the backend has said by then what it takes; who comes while one is made waits for that one. One that takes
  // no WebSockets by it is dialled anew for HTTP/1.
  Task<Result<Lease>> dial(Arena& arena, Backend& backend, std::string_view host, std::string_view header, Instant now,
                           Use use = Use::kRequest);

  // The plan of a chosen backend, as it is now: kept by nothing, so read it before the next await.
  static const BackendPlan& plan_of(const Backend& backend);
  // Takes a place of it for the reuse() or dial() that follows in the same turn, or else unclaim(). False: another
  // shard took the last one since it was chosen; whoever chooses again will find it full.
  static bool claim(Backend& backend);
  static void unclaim(Backend& backend);
  size_t idle() const;
  // Whether two or more serve that are not among `tried`.
  bool has_others(const Tried& tried) const;
  RetryBudget& retries();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cardea::l7::upstream
