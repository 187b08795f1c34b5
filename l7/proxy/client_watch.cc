#include "l7/proxy/client_watch.h"

#include "l7/proxy/exchange.h"
#include "l7/runtime/bell.h"

namespace cardea::l7::proxy {

ClientWatch::ClientWatch(Exchange& exchange)
    : Waiter([](Waiter& waiter) { static_cast<ClientWatch&>(waiter).woken(); }), exchange_(exchange) {}

void ClientWatch::start() {
  if (exchange_.caller.is_nobody()) return;
  exchange_.client().wait(Direction::kRead, *this);
}

void ClientWatch::stop() {
  unlink();
  scheduled = false;
}

// A client that closed its half may still read: scripts that pipe a request into a socket do so, and HTTP allows it.
// One that is gone shows by a reset, at the latest when it is written to. With a full buffer nothing more is read.
void ClientWatch::woken() {
  Input& input = exchange_.caller.input;
  if (!input.buffer || input.full()) return;
  const IoResult read = exchange_.client().try_read(input.room());
  if (read.ok()) input.end += read.bytes;
  if (read.ok() || read.status == IoStatus::kWouldBlock) return start();
  if (read.status == IoStatus::kEnd && read.error == 0) {
    if (exchange_.end().hears_behind_end()) start();
    return;
  }
  abandon(exchange_);
}

void abandon(Exchange& x) {
  x.client_gone = true;
  if (x.place) x.place->wake();
  if (x.bell) x.bell->ring();
  if (x.lease) x.lease.stream().cancel();
}

}  // namespace cardea::l7::proxy
