// Which backend an exchange goes to: the client's own, the one it stays with, or the pool's choice; and the wait for
// one where all are full.
#include <algorithm>

#include "l7/http/pairs.h"
#include "l7/proxy/exchange.h"

namespace cardea::l7::proxy {
namespace {

std::optional<std::string_view> sticky_cookie(const Exchange& x) {
  const std::string& name = x.pool->plan().sticky_cookie;
  return name.empty() ? std::nullopt : http::find_cookie(x.head.headers, name);
}

upstream::Backend* stays_with(const Exchange& x) {
  const auto cookie = sticky_cookie(x);
  return cookie ? x.pool->stays_with(*cookie, x.tried, x.now()) : nullptr;
}

// Never the same backend twice while another serves. Where none does, one whose pooled connection had died may be tried
// again: that connection says nothing about it.
Chosen choose(Exchange& x, uint64_t hash) {
  if (upstream::Backend* its = stays_with(x)) return its;
  auto chosen = x.pool->choose(hash, x.tried, x.now());
  const bool says_little = x.record.reused || x.failure.is(Reason::kBackendRefused);
  if (chosen || !x.failure || !says_little) return chosen;
  x.tried = {};
  return x.pool->choose(hash, x.tried, x.now());
}

// Who waits for his client's own backend must not stand before those for whom others are free.
std::shared_ptr<upstream::Queue> queue_for(const Exchange& x) {
  upstream::Backend* const own = x.caller.own_backend(*x.pool, x.backend_host);
  return own ? x.pool->queue_at(*own) : x.pool->queue();
}

// Counted from the first try to the last.
class Queued {
 public:
  explicit Queued(Exchange& x) : x_(x), began_(x.now()), queue_(queue_for(x)), place(*queue_, x.loop()) {
    count(x.shard(), x.record.pool->rows.queued);
    stats::add(x.shard().cells() + x.record.pool->rows.queue, 1);
    x.place = &place;
    x.watch.stop();
    x.watch.start();
  }
  ~Queued() {
    x_.watch.stop();
    x_.place = nullptr;
    x_.record.queued += x_.now() - began_;
    x_.record.pool->host->queued.give_back();
    stats::add(x_.shard().cells() + x_.record.pool->rows.queue, uint64_t(-1));
  }

 private:
  Exchange& x_;
  Instant began_;
  std::shared_ptr<upstream::Queue> queue_;

 public:
  upstream::Queue::Place place;
};

Failure refused(Exchange& x, Reason why, uint32_t row) {
  count(x.shard(), row);
  return failure(why);
}

}  // namespace

std::string_view choice_word(const Exchange& x, const upstream::Backend& chosen) {
  static constexpr std::string_view kByBalance[] = {"maglev", "round_robin", "least_conn", "random", "p2c", "source_hash", "hash"};
  if (x.caller.own_backend(*x.pool, x.backend_host) == &chosen) return "own";
  if (const auto cookie = sticky_cookie(x); cookie && !cookie->empty() && *cookie == upstream::Pool::plan_of(chosen).sticky) return "sticky";
  return kByBalance[size_t(x.pool->plan().balance)];
}

// With a place of its connections_max. A client's own backend is no choice: where it is full there is no other.
Chosen choose_place(Exchange& x, uint64_t hash) {
  if (upstream::Backend* own = x.caller.own_backend(*x.pool, x.backend_host)) {
    if (!upstream::Pool::claim(*own)) return std::unexpected(upstream::NoBackend::kBusy);
    return own;
  }
  for (;;) {
    auto chosen = choose(x, hash);
    if (!chosen || upstream::Pool::claim(**chosen)) return chosen;
  }
}

// Who comes while others wait is behind them, though a place was free just now: it is given back.
bool may_queue(Exchange& x, Chosen& chosen) {
  if (x.pool->plan().queue_length == 0) return false;
  if (!chosen) return chosen.error() == upstream::NoBackend::kBusy;
  if (queue_for(x)->empty()) return false;
  upstream::Pool::unclaim(**chosen);
  return true;
}

Task<Failure> wait_for_place(Exchange& x, uint64_t hash, Chosen& chosen) {
  const PoolPlan& plan = *x.record.pool;
  if (!plan.host->queued.take(x.pool->plan().queue_length))
    co_return refused(x, Reason::kQueueFull, plan.rows.queue_full);
  const Instant until = x.now() + x.pool->plan().queue_timeout;
  Queued queued(x);
  for (;;) {
    if (queued.place.is_first()) {
      chosen = choose_place(x, hash);
      if (chosen || chosen.error() != upstream::NoBackend::kBusy) co_return Failure{};
    }
    if (x.now() >= until) co_return refused(x, Reason::kQueueTimeout, plan.rows.queue_timeouts);
    co_await queued.place.wait(until);
    if (x.client_gone) co_return failure(Reason::kClientClosed);
  }
}

// Secure where it came over TLS, lest plain text shows it to others.
std::string_view cookie_to_set(Exchange& x) {
  const std::string& name = x.pool->plan().sticky_cookie;
  const std::string& value = x.lease.backend().sticky;
  if (name.empty() || value.empty() || sticky_cookie(x) == value) return {};
  const std::string_view attributes = "; Path=/; HttpOnly; SameSite=Lax; Secure";
  const std::string_view end = attributes.substr(0, attributes.size() - (x.is_secure() ? 0 : sizeof "; Secure" - 1));
  const std::string_view pieces[] = {name, "=", value, end};
  const size_t size = name.size() + 1 + value.size() + end.size();
  char* const text = x.arena().characters(size);
  char* at = text;
  for (const std::string_view piece : pieces) at = std::ranges::copy(piece, at).out;
  return {text, size};
}

}  // namespace cardea::l7::proxy
