// Stream over a kernel TCP socket: non-blocking, edge-triggered, registered with the loop only when it first has to
// wait. A read shorter than asked means the socket is drained, so a request costs one recv; the next edge says when to
// try.
#pragma once

#include <memory>

#include "base/file_descriptor.h"
#include "l7/runtime/stream.h"

namespace cardea::l7 {

class ConnectOperation;

class KernelStream final : public Stream, private EventSource {
 public:
  // A connected socket, non-blocking already (as accept hands it over).
  KernelStream(Loop& loop, FileDescriptor socket, const Endpoint& peer, const Endpoint& local = {});
  explicit KernelStream(Loop& loop);  // not connected yet: co_await connect(…) comes first
  ~KernelStream() override;

  struct ConnectOptions {
    IpAddress source{};  // unspecified: the kernel chooses
    bool bind_source = false;
  };
  // Awaited: Result<>. An Error has retry safe, because nothing was sent, and origin backend, or self where this host was
  // short of something. Once a stream.
  ConnectOperation connect(const Endpoint& to, Instant deadline, const ConnectOptions& options);
  ConnectOperation connect(const Endpoint& to, Instant deadline);

  IoResult try_read(MutableBytes into) override;
  IoResult try_write(std::span<const iovec> from) override;
  bool sends_files() const override { return true; }
  IoResult try_send_file(int file, uint64_t offset, size_t bytes) override;
  size_t undelivered() const override;
  IoResult shutdown_write() override;
  void close(Close how = Close::kOrderly) override;
  bool ready(Direction direction) const override;
  void wait(Direction direction, Waiter& waiter) override;
  Endpoint peer() const override { return peer_; }
  Endpoint local() const override;  // asked from the kernel at the first call where it was not given

  int fd() const { return socket_.get(); }
  // How long written bytes may stay unacknowledged before the kernel gives the connection up (TCP_USER_TIMEOUT).
  void set_unacknowledged_max(std::chrono::milliseconds limit);

 private:
  friend class ConnectOperation;
  void on_events(uint32_t events) override;
  Result<bool> start_connect(const Endpoint& to, const ConnectOptions& options);
  Result<> connect_outcome();
  IoResult not_written(int error);
  void watch(uint32_t events);
  void wake(Direction direction, Wake why);

  FileDescriptor socket_;
  Endpoint peer_;
  mutable Endpoint local_{};
  uint32_t watched_ = 0;  // EPOLL… bits registered with the loop
  int error_ = 0;         // the socket cannot be used: errno
  bool readable_ = true;  // as far as known; false only after would_block or a short read
  bool writable_ = true;
  bool peer_shut_ = false;  // FIN, RST or an error was reported: a short read proves nothing any more
  List<Waiter> waiting_[2];
};

class [[nodiscard]] ConnectOperation {
 public:
  ConnectOperation(KernelStream& stream, const Endpoint& to, Instant deadline,
                   const KernelStream::ConnectOptions& options)
      : stream_(stream), to_(to), deadline_(deadline), options_(options) {}
  ConnectOperation(const ConnectOperation&) = delete;
  ~ConnectOperation();
  bool await_ready();
  void await_suspend(std::coroutine_handle<> handle);
  Result<> await_resume();

 private:
  KernelStream& stream_;
  Endpoint to_;
  Instant deadline_;
  KernelStream::ConnectOptions options_;
  Result<bool> connected_ = false;
  Wake wake_ = Wake::kReady;
};

inline ConnectOperation KernelStream::connect(const Endpoint& to, Instant deadline, const ConnectOptions& options) {
  return {*this, to, deadline, options};
}
inline ConnectOperation KernelStream::connect(const Endpoint& to, Instant deadline) {
  return {*this, to, deadline, {}};
}

}  // namespace cardea::l7
