// Stream: a connection's two byte streams as all of L7 sees them, whatever stands behind: a kernel socket, TLS over
// another Stream, an in-memory pair, later our own TCP. The try_… calls never wait; on top of them the awaitables try
// first and suspend only on would_block, without a coroutine frame or an allocation of their own.
// At most one coroutine reads and one writes at a time. A Stream outlives what awaits it. After close(), and after
// cancel(), whoever waits resumes with kCancelled.
#pragma once

#include <sys/uio.h>

#include <array>
#include <coroutine>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/bytes.h"
#include "base/ip.h"
#include "l7/runtime/loop.h"
#include "l7/runtime/pace.h"
#include "l7/runtime/task.h"

namespace cardea::l7 {

enum class IoStatus : uint8_t {
  kOk,          // `bytes` were moved, at least one (reads) or all (write_all)
  kWouldBlock,  // from try_… only
  kEnd,         // the peer will send nothing more
  kError,       // `error` says what; the stream is useless
  kTimeout,     // the awaitable's deadline passed; the stream is as it was
  kCancelled,   // close() or cancel(); every try_… of a closed stream
};

struct IoResult {
  IoStatus status = IoStatus::kOk;
  int error = 0;     // errno. kEnd: 0, or ECONNABORTED when TLS was cut without close_notify (truncation is possible)
  size_t bytes = 0;  // also beside a timeout or an error of write_all: what was written before

  bool ok() const { return status == IoStatus::kOk; }
  static IoResult moved(size_t bytes) { return {IoStatus::kOk, 0, bytes}; }
  static IoResult would_block() { return {IoStatus::kWouldBlock, 0, 0}; }
  static IoResult end(int error = 0) { return {IoStatus::kEnd, error, 0}; }
  static IoResult failed(int error) { return {IoStatus::kError, error, 0}; }
};
std::string_view name(IoStatus status);  // "ok", "would_block", …

enum class Direction : uint8_t { kRead = 0, kWrite = 1 };
enum class Close : uint8_t {
  kOrderly,  // what was written is still delivered, then FIN (TLS: close_notify before it)
  kReset,    // RST now, nothing is kept for the peer
};

class Stream;

// What an awaitable needs while it is suspended; two in every Stream, so awaitables (and frames) stay small.
class IoSlot {
 public:
  enum class Attempt : uint8_t { kDone, kWaitRead, kWaitWrite, kNextTurn };
  using Try = Attempt (*)(void* operation);

  explicit IoSlot(Stream& stream);
  bool busy() const { return operation_ != nullptr; }
  // Suspends `handle` until `attempt` answers kDone, or until the deadline, close() or cancel(); then *wake says which.
  void suspend(void* operation, Try attempt, Attempt waits_for, Instant deadline, std::coroutine_handle<> handle,
               Wake* wake);
  void renew(Instant deadline);  // of who is suspended
  void cancel();                 // resumes the operation with Wake::kCancelled
  void forget(void* operation);  // the operation is being destroyed

 private:
  struct Part : Waiter, LoopTimer {
    explicit Part(IoSlot& slot);
    IoSlot& slot;
  };
  void woken();
  void wait(Attempt waits_for);
  void finish(Wake wake);

  Stream& stream_;
  Part part_;
  void* operation_ = nullptr;
  Try attempt_ = nullptr;
  std::coroutine_handle<> handle_;
  Wake* wake_ = nullptr;
  bool timed_out_ = false;
};

// readable() and writable(): Wake::kReady may be early; try and wait again.
class [[nodiscard]] ReadyOperation {
 public:
  ReadyOperation(Stream& stream, Direction direction, Instant deadline)
      : stream_(stream), deadline_(deadline), direction_(direction) {}
  ReadyOperation(const ReadyOperation&) = delete;
  ~ReadyOperation();
  bool await_ready() const;
  void await_suspend(std::coroutine_handle<> handle);
  Wake await_resume() const { return wake_; }

 private:
  Stream& stream_;
  Instant deadline_;
  Direction direction_;
  Wake wake_ = Wake::kReady;
};

// read(): at least one byte, or why not.
class [[nodiscard]] ReadOperation {
 public:
  ReadOperation(Stream& stream, MutableBytes into, Instant deadline)
      : stream_(stream), into_(into), deadline_(deadline) {}
  ReadOperation(const ReadOperation&) = delete;
  ~ReadOperation();
  bool await_ready();
  void await_suspend(std::coroutine_handle<> handle);
  IoResult await_resume();

 private:
  IoSlot::Attempt attempt();
  Stream& stream_;
  MutableBytes into_;
  Instant deadline_;
  IoResult result_;
  IoSlot::Attempt waits_for_ = IoSlot::Attempt::kDone;
  Wake wake_ = Wake::kReady;
};

// write_all(): everything, or why not and how much. By a Pace instead of a deadline it goes on as long as the peer takes
// something, seen by what the peer has acknowledged and not by what the kernel took.
class [[nodiscard]] WriteOperation {
 public:
  WriteOperation(Stream& stream, std::span<iovec> from, Instant deadline)
      : stream_(stream), from_(from), deadline_(deadline) {}
  WriteOperation(Stream& stream, Bytes from, Instant deadline)
      : stream_(stream), own_{const_cast<std::byte*>(from.data()), from.size()}, from_(&own_, 1), deadline_(deadline) {}
  WriteOperation(Stream& stream, std::span<iovec> from, Pace& pace)
      : stream_(stream), from_(from), deadline_(kNever), pace_(&pace) {}
  WriteOperation(Stream& stream, Bytes from, Pace& pace) : WriteOperation(stream, from, kNever) { pace_ = &pace; }
  WriteOperation(const WriteOperation&) = delete;
  ~WriteOperation();
  bool await_ready();
  void await_suspend(std::coroutine_handle<> handle);
  IoResult await_resume();

 private:
  IoSlot::Attempt attempt();
  IoSlot::Attempt try_again();
  Instant deadline();
  void consume(size_t bytes);
  Stream& stream_;
  iovec own_{};
  std::span<iovec> from_;
  Instant deadline_;
  Pace* pace_ = nullptr;
  IoResult result_;
  size_t written_ = 0;
  IoSlot::Attempt waits_for_ = IoSlot::Attempt::kDone;
  Wake wake_ = Wake::kReady;
};

class Stream {
 public:
  explicit Stream(Loop& loop) : loop_(loop), slots_{IoSlot(*this), IoSlot(*this)} {}
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  virtual ~Stream();

  virtual IoResult try_read(MutableBytes into) = 0;             // `into` is not empty
  virtual IoResult try_write(std::span<const iovec> from) = 0;  // may take less than all
  // Of an open file, from where the kernel has it, without a copy of ours; kEnd: the file ends before. Only of streams
  // that can. SIGPIPE has to be ignored.
  virtual bool sends_files() const { return false; }
  virtual IoResult try_send_file(int file, uint64_t offset, size_t bytes);
  virtual size_t undelivered() const = 0;                       // written bytes that the peer has not acknowledged
  virtual IoResult shutdown_write() = 0;                        // kWouldBlock: wait for writable(), call again
  virtual void close(Close how = Close::kOrderly) = 0;          // at once; again does nothing

  // Whether a try in this direction may do something else than would_block, as far as the loop has heard.
  virtual bool ready(Direction direction) const = 0;
  // Schedules the waiter when it may be ready, or with kCancelled when the stream is closed. Several may wait.
  virtual void wait(Direction direction, Waiter& waiter) = 0;

  virtual Endpoint peer() const = 0;
  virtual Endpoint local() const = 0;

  ReadyOperation readable(Instant deadline) { return {*this, Direction::kRead, deadline}; }
  ReadyOperation writable(Instant deadline) { return {*this, Direction::kWrite, deadline}; }
  ReadOperation read(MutableBytes into, Instant deadline) { return {*this, into, deadline}; }
  WriteOperation write_all(Bytes from, Instant deadline) { return {*this, from, deadline}; }
  WriteOperation write_all(std::string_view from, Instant deadline) {
    return {*this, std::as_bytes(std::span(from)), deadline};
  }
  WriteOperation write_all(std::span<iovec> from, Instant deadline) {
    return {*this, from, deadline};
  }  // consumes them
  WriteOperation write_all(std::string_view from, Pace& pace) {
    return {*this, std::as_bytes(std::span(from)), pace};
  }
  WriteOperation write_all(std::span<iovec> from, Pace& pace) { return {*this, from, pace}; }

  // Resumes whoever reads, writes or both with kCancelled; the stream stays open.
  void cancel();
  void cancel(Direction direction) { slot(direction).cancel(); }

  Loop& loop() const { return loop_; }
  IoSlot& slot(Direction direction) { return slots_[static_cast<size_t>(direction)]; }

  // The budget of a turn: a connection that always has something to do lets the others run after this much.
  static constexpr uint32_t kTurnBytes = 256 * 1024;
  bool over_budget() const { return spent_turn_ == loop_.turn() && spent_ >= kTurnBytes; }
  void spend(size_t bytes);

 private:
  Loop& loop_;
  std::array<IoSlot, 2> slots_;
  uint64_t spent_turn_ = 0;
  uint32_t spent_ = 0;
};

// Ends a connection so that the peer reads all that was written (RFC 9112 9.6): shuts down writing, and drops what still
// arrives until the peer closes. It is waited for as its pace allows, whether it sends or takes, at most until `latest`;
// then it is reset. So a peer that keeps its window shut costs no memory past that, and one that is not done sending
// reads what it was told.
Task<> close_after_delivery(Arena& arena, Stream& stream, PaceLimits limits, Instant latest);
// What may be left to the kernel to deliver to a peer that does not read; more is worth close_after_delivery().
inline constexpr size_t kLeftToKernel = 64 * 1024;

}  // namespace cardea::l7
