#include "l7/runtime/memory_stream.h"

#include <algorithm>
#include <cerrno>

namespace cardea::l7 {

struct MemoryStream::Pipe {
  size_t capacity;
  std::deque<std::byte> bytes;
  bool ended = false, reset = false, reader_gone = false;
  MemoryStream *reader = nullptr, *writer = nullptr;
};

MemoryStream::Pair MemoryStream::pair(Loop& loop, size_t capacity) {
  auto one_way = std::make_shared<Pipe>(Pipe{.capacity = capacity});
  auto other_way = std::make_shared<Pipe>(Pipe{.capacity = capacity});
  std::unique_ptr<MemoryStream> first(new MemoryStream(loop, other_way, one_way));
  std::unique_ptr<MemoryStream> second(new MemoryStream(loop, one_way, other_way));
  first->set_endpoints({IpAddress::v4(0x7f000001), 1}, {IpAddress::v4(0x7f000001), 2});
  second->set_endpoints(first->peer(), first->local());
  return {std::move(first), std::move(second)};
}

MemoryStream::MemoryStream(Loop& loop, std::shared_ptr<Pipe> in, std::shared_ptr<Pipe> out)
    : Stream(loop), in_(std::move(in)), out_(std::move(out)) {
  in_->reader = this;
  out_->writer = this;
}

MemoryStream::~MemoryStream() {
  MemoryStream::close(Close::kOrderly);
  in_->reader = nullptr;
  out_->writer = nullptr;
}

// True once after each try that was served.
bool MemoryStream::pausing(bool& paused) {
  paused = faults.pause && !paused;
  return faults.pause && !paused;
}

size_t MemoryStream::read_allowance(size_t wanted) const {
  size_t allowed = std::min({wanted, in_->bytes.size(), faults.read_max});
  const auto split = std::ranges::upper_bound(faults.splits, read_);
  if (split != faults.splits.end()) allowed = std::min<size_t>(allowed, *split - read_);
  if (faults.read_error_after) allowed = std::min<size_t>(allowed, *faults.read_error_after - read_);
  return allowed;
}

IoResult MemoryStream::try_read(MutableBytes into) {
  if (closed_) return {IoStatus::kCancelled, 0, 0};
  if (in_->reset) return IoResult::failed(ECONNRESET);
  if (faults.read_error_after && read_ >= *faults.read_error_after) return IoResult::failed(faults.error);
  if (in_->bytes.empty()) return in_->ended ? IoResult::end() : IoResult::would_block();
  if (pausing(read_paused_)) return IoResult::would_block();
  const size_t count = read_allowance(into.size());
  std::copy_n(in_->bytes.begin(), count, into.begin());
  in_->bytes.erase(in_->bytes.begin(), in_->bytes.begin() + static_cast<ptrdiff_t>(count));
  read_ += count;
  if (in_->writer) in_->writer->wake(Direction::kWrite);
  return IoResult::moved(count);
}

IoResult MemoryStream::try_write(std::span<const iovec> from) {
  if (closed_) return {IoStatus::kCancelled, 0, 0};
  if (out_->reset) return IoResult::failed(ECONNRESET);
  if (out_->reader_gone || out_->ended) return IoResult::failed(EPIPE);
  if (faults.write_error_after && written_ >= *faults.write_error_after) return IoResult::failed(faults.error);
  size_t room = out_->capacity - std::min(out_->capacity, out_->bytes.size());
  if (room == 0 || pausing(write_paused_)) return IoResult::would_block();
  room = std::min(room, faults.write_max);
  if (faults.write_error_after) room = std::min<size_t>(room, *faults.write_error_after - written_);
  size_t count = 0;
  for (const iovec& piece : from) {
    const size_t part = std::min(piece.iov_len, room - count);
    const auto* at = static_cast<const std::byte*>(piece.iov_base);
    out_->bytes.insert(out_->bytes.end(), at, at + part);
    count += part;
  }
  written_ += count;
  if (out_->reader) out_->reader->wake(Direction::kRead);
  return IoResult::moved(count);
}

size_t MemoryStream::undelivered() const {
  return out_->bytes.size();
}

IoResult MemoryStream::shutdown_write() {
  if (closed_) return {IoStatus::kCancelled, 0, 0};
  out_->ended = true;
  if (out_->reader) out_->reader->wake(Direction::kRead);
  return IoResult::moved(0);
}

void MemoryStream::close(Close how) {
  if (closed_) return;
  closed_ = true;
  out_->ended = true;
  in_->reader_gone = true;
  // As a kernel does: what this end never read, or a reset, tells the peer that bytes were lost.
  if (how == Close::kReset || !in_->bytes.empty()) in_->reset = out_->reset = true;
  for (auto& waiting : waiting_) {
    while (Waiter* waiter = waiting.pop_front()) loop().schedule(*waiter, Wake::kCancelled);
  }
  if (out_->reader) out_->reader->wake(Direction::kRead);
  if (in_->writer) in_->writer->wake(Direction::kWrite);
}

bool MemoryStream::ready(Direction direction) const {
  if (closed_ || in_->reset || out_->reset) return true;
  if (direction == Direction::kRead) {
    return !in_->bytes.empty() || in_->ended || (faults.read_error_after && read_ >= *faults.read_error_after);
  }
  return out_->bytes.size() < out_->capacity || out_->ended || out_->reader_gone ||
         (faults.write_error_after && written_ >= *faults.write_error_after);
}

void MemoryStream::wait(Direction direction, Waiter& waiter) {
  if (closed_) return loop().schedule(waiter, Wake::kCancelled);
  if (ready(direction)) return loop().schedule(waiter);
  waiting_[static_cast<size_t>(direction)].push_back(waiter);
}

void MemoryStream::wake(Direction direction) {
  while (Waiter* waiter = waiting_[static_cast<size_t>(direction)].pop_front()) loop().schedule(*waiter);
}

}  // namespace cardea::l7
