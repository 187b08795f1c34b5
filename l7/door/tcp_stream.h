// Stream over a connection of this shard's own TCP. What is written is copied into blocks that the stack has lent until
// the peer has acknowledged them; what came is read from where the stack keeps it. A stream that is closed leaves its
// connection to the stack, which delivers what was written.
#pragma once

#include "base/error.h"
#include "l7/runtime/stream.h"
#include "l7/tcp/stack.h"

namespace cardea::l7::door {

class ShardDoor;

// The Link: while it waits for a block of memory.
class TcpStream final : public Stream, public Link {
 public:
  TcpStream(ShardDoor& door, tcp::ConnectionId id, const Endpoint& local, const Endpoint& peer);
  ~TcpStream() override;

  // Of one that was dialled, behind `co_await writable(deadline)`: whether it was answered. An Error closes it, and is
  // as KernelStream::connect()'s.
  Result<> connected(Wake wake);

  IoResult try_read(MutableBytes into) override;
  IoResult try_write(std::span<const iovec> from) override;
  size_t undelivered() const override;
  IoResult shutdown_write() override;
  void close(Close how = Close::kOrderly) override;
  bool ready(Direction direction) const override;
  void wait(Direction direction, Waiter& waiter) override;
  Endpoint peer() const override { return peer_; }
  Endpoint local() const override { return local_; }

  // The door's: something of the events (tcp::Event) happened, or a block came free.
  void notice(uint8_t events);

 private:
  const tcp::Connection& connection() const;
  int failure() const;
  bool ready_to_read(const tcp::Connection& c) const;
  bool ready_to_write(const tcp::Connection& c) const;
  void wake(Direction direction, Wake why);

  ShardDoor& door_;
  tcp::ConnectionId id_;
  Endpoint local_, peer_;
  bool open_ = true;
  List<Waiter> waiting_[2];
};

// The errno of a connection that ended so; 0: in good order.
int error_of(tcp::Ending ending);

}  // namespace cardea::l7::door
