// A listening socket of one shard. Every shard opens its own for the same address (SO_REUSEPORT), also before the host
// has the address (IP_FREEBIND); the first of them is opened alone, so that another process of the same user, which
// could join them, is refused instead. The socket can be taken out and given to another Listener, so a reload loses no
// connection.
#pragma once

#include "base/file_descriptor.h"
#include "l7/runtime/stream.h"

namespace cardea::l7 {

struct ListenOptions {
  int backlog = 4096;
  bool alone = false;         // nobody else may listen there yet; who comes later may
  bool defer_accept = false;  // wake only when the client has sent something (TCP_DEFER_ACCEPT)
};

Result<FileDescriptor> open_listening_socket(const Endpoint& at, const ListenOptions& options = {});

struct Accepted {
  FileDescriptor socket;  // non-blocking, TCP_NODELAY
  Endpoint peer;
  Endpoint local{};  // port 0: not known yet
};

class AcceptOperation;

class Listener final : private EventSource {
 public:
  Listener(Loop& loop, FileDescriptor socket);
  Listener(const Listener&) = delete;
  ~Listener();

  // Awaited: Result<Accepted>. An Error means that this host is short of something (descriptors, memory): sleep a
  // little and ask again. Errors of single connections never show. After close(): an Error, and closed() is true.
  AcceptOperation accept();

  void close();
  bool closed() const { return !socket_; }
  FileDescriptor take();   // stops listening here without closing the socket
  Endpoint local() const;  // with the port the kernel chose when 0 was asked for

 private:
  friend class AcceptOperation;
  static constexpr unsigned kAcceptsPerTurn = 64;
  void on_events(uint32_t events) override;
  bool try_accept(Result<Accepted>& into);  // false: would block
  void wake();

  struct Acceptor : Waiter {
    Acceptor() : Waiter([](Waiter& w) { static_cast<Acceptor&>(w).woken(); }) {}
    void woken();
    AcceptOperation* operation = nullptr;
  };

  Loop& loop_;
  FileDescriptor socket_;
  bool watched_ = false;
  uint64_t turn_ = 0;
  unsigned accepted_in_turn_ = 0;
  Acceptor acceptor_;
};

class [[nodiscard]] AcceptOperation {
 public:
  explicit AcceptOperation(Listener& listener) : listener_(listener) {}
  AcceptOperation(const AcceptOperation&) = delete;
  ~AcceptOperation();
  bool await_ready();
  void await_suspend(std::coroutine_handle<> handle);
  Result<Accepted> await_resume() { return std::move(result_); }

 private:
  friend class Listener;
  Listener& listener_;
  std::coroutine_handle<> handle_;
  Result<Accepted> result_;
};
inline AcceptOperation Listener::accept() {
  return AcceptOperation(*this);
}

}  // namespace cardea::l7
