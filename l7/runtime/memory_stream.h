// A connection that exists in memory only: two Streams, what one writes the other reads. Everything a network does to
// a program can be set: how much fits, how bytes are cut, pauses between the pieces, an error after so many bytes.
// Nothing in it depends on time or chance, so a test that fails fails again.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "l7/runtime/stream.h"

namespace cardea::l7 {

// How one end's reads and writes are served. Every limit counts for that end only.
struct MemoryFaults {
  size_t read_max = SIZE_MAX;               // bytes a single try_read gets at most: 1 delivers byte by byte
  size_t write_max = SIZE_MAX;              // bytes a single try_write takes at most
  std::vector<size_t> splits;               // reads end at these offsets of the stream (ascending), whatever was asked
  bool pause = false;                       // every second try answers would_block and is ready again in the next turn
  std::optional<size_t> read_error_after;   // that many bytes are read, then try_read fails with `error`
  std::optional<size_t> write_error_after;  // that many bytes are taken, then try_write fails with `error`
  int error = 104;                          // ECONNRESET
};

class MemoryStream final : public Stream {
 public:
  static constexpr size_t kCapacity = 64 * 1024;
  struct Pair;
  // `capacity`: bytes that may lie unread in each direction before the writer would block.
  static Pair pair(Loop& loop, size_t capacity = kCapacity);
  ~MemoryStream() override;

  IoResult try_read(MutableBytes into) override;
  IoResult try_write(std::span<const iovec> from) override;
  size_t undelivered() const override;
  IoResult shutdown_write() override;
  void close(Close how = Close::kOrderly) override;
  bool ready(Direction direction) const override;
  void wait(Direction direction, Waiter& waiter) override;
  Endpoint peer() const override { return peer_; }
  Endpoint local() const override { return local_; }

  MemoryFaults faults;  // may be changed at any time
  void set_endpoints(const Endpoint& local, const Endpoint& peer) { local_ = local, peer_ = peer; }
  bool closed() const { return closed_; }
  uint64_t bytes_read() const { return read_; }
  uint64_t bytes_written() const { return written_; }

 private:
  struct Pipe;  // one direction
  MemoryStream(Loop& loop, std::shared_ptr<Pipe> in, std::shared_ptr<Pipe> out);
  bool pausing(bool& paused);
  size_t read_allowance(size_t wanted) const;
  void wake(Direction direction);

  std::shared_ptr<Pipe> in_, out_;
  Endpoint local_{}, peer_{};
  uint64_t read_ = 0, written_ = 0;
  bool closed_ = false;
  bool read_paused_ = false, write_paused_ = false;
  List<Waiter> waiting_[2];
};

struct MemoryStream::Pair {
  std::unique_ptr<MemoryStream> first, second;
};

}  // namespace cardea::l7
