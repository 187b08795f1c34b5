#include "l7/upstream/connection.h"

#include <array>
#include <utility>

namespace cardea::l7::upstream {

Connection::Watcher::Watcher(Connection& of)
    : Waiter([](Waiter& waiter) {
        Connection& it = static_cast<Watcher&>(waiter).connection;
        if (it.silent()) return it.watch();
        if (it.owner) return it.owner->drop(it);
        it.backend->drop_idle(it);
      }),
      connection(of) {}

Connection::Connection(Backend& of, Place its_place)
    : backend(of.shared_from_this()),
      plan(of.plan),
      host_counts(of.plan->host),
      tls(of.tls),
      proxy_header(of.pool->proxy_header),
      tcp(of.context.loop),
      place(std::move(its_place)) {}

Connection::~Connection() {
  unwatch();
  if (own) backend->set_own(backend->own - 1);
  if (counted_kept) host_counts->kept.give_back();
}

bool Connection::keeps_place(uint32_t most) {
  if (counted_kept) return host_counts->kept.now() <= most;
  counted_kept = host_counts->kept.take(most);
  if (counted_kept || most == 0) return counted_kept;
  backend->count(backend->pool->rows.idle_closed);
  counted_kept = host_counts->kept.now() <= most && backend->give_up_oldest(*host_counts);
  return counted_kept;
}

void Connection::become_own() {
  if (std::exchange(own, true)) return;
  backend->set_own(backend->own + 1);
}

void Connection::watch() {
  stream().wait(Direction::kRead, watcher_);
}

void Connection::unwatch() {
  watcher_.unlink();
  watcher_.scheduled = false;
}

// One byte is enough to know: a backend that speaks unasked is not understood. TLS takes its tickets and key updates
// in passing.
bool Connection::silent(Proof proof) {
  if (proof == Proof::kHeard && !stream().ready(Direction::kRead)) return true;
  std::array<std::byte, 1> byte;
  return stream().try_read(byte).status == IoStatus::kWouldBlock;
}

}  // namespace cardea::l7::upstream
