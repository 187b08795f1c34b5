#include "l7/runtime/stream.h"

#include <algorithm>
#include <cerrno>

namespace cardea::l7 {

using Attempt = IoSlot::Attempt;

std::string_view name(IoStatus status) {
  switch (status) {
    case IoStatus::kOk:
      return "ok";
    case IoStatus::kWouldBlock:
      return "would_block";
    case IoStatus::kEnd:
      return "end";
    case IoStatus::kError:
      return "error";
    case IoStatus::kTimeout:
      return "timeout";
    case IoStatus::kCancelled:
      return "cancelled";
  }
  return "unknown";
}

IoSlot::Part::Part(IoSlot& of)
    : Waiter([](Waiter& waiter) { static_cast<Part&>(waiter).slot.woken(); }),
      LoopTimer([](LoopTimer& timer) {
        auto& part = static_cast<Part&>(timer);
        part.slot.timed_out_ = true;
        part.slot.stream_.loop().schedule(part, Wake::kTimeout);
      }),
      slot(of) {}

IoSlot::IoSlot(Stream& stream) : stream_(stream), part_(*this) {}

void IoSlot::suspend(void* operation, Try attempt, Attempt waits_for, Instant deadline, std::coroutine_handle<> handle,
                     Wake* wake) {
  CHECK(!busy(), "a stream has one reader and one writer at a time");
  operation_ = operation;
  attempt_ = attempt;
  handle_ = handle;
  wake_ = wake;
  timed_out_ = false;
  stream_.loop().arm(part_, deadline);
  wait(waits_for);
}

void IoSlot::wait(Attempt waits_for) {
  switch (waits_for) {
    case Attempt::kWaitRead:
      return stream_.wait(Direction::kRead, part_);
    case Attempt::kWaitWrite:
      return stream_.wait(Direction::kWrite, part_);
    case Attempt::kNextTurn:
      return stream_.loop().schedule(part_);
    case Attempt::kDone:
      CHECK(false, "an operation that is done does not wait");
  }
}

void IoSlot::woken() {
  if (part_.wake == Wake::kCancelled || !attempt_) return finish(part_.wake);
  const Attempt attempt = attempt_(operation_);  // at the deadline too: a loop that was late is nobody's fault
  if (attempt == Attempt::kDone) return finish(Wake::kReady);
  if (timed_out_) return finish(Wake::kTimeout);
  wait(attempt);
}

void IoSlot::renew(Instant deadline) {
  timed_out_ = timed_out_ && deadline <= stream_.loop().now();
  stream_.loop().arm(part_, deadline);
}

void IoSlot::finish(Wake wake) {
  *wake_ = wake;
  const std::coroutine_handle<> handle = handle_;
  forget(operation_);
  handle.resume();
}

void IoSlot::cancel() {
  if (busy()) stream_.loop().schedule(part_, Wake::kCancelled);
}

void IoSlot::forget(void* operation) {
  if (operation_ != operation || !operation) return;
  operation_ = nullptr;
  static_cast<LoopTimer&>(part_).cancel();
  part_.unlink();
  part_.scheduled = false;
}

Stream::~Stream() {
  CHECK(!slots_[0].busy() && !slots_[1].busy(), "a stream outlives what awaits it");
}

void Stream::cancel() {
  cancel(Direction::kRead);
  cancel(Direction::kWrite);
}

// Small pieces cost more than their bytes: no operation counts for less than a page.
void Stream::spend(size_t bytes) {
  if (spent_turn_ != loop_.turn()) {
    spent_turn_ = loop_.turn();
    spent_ = 0;
  }
  spent_ += static_cast<uint32_t>(std::clamp<size_t>(bytes, 4096, kTurnBytes));
}

ReadyOperation::~ReadyOperation() {
  stream_.slot(direction_).forget(this);
}

bool ReadyOperation::await_ready() const {
  return stream_.ready(direction_) && !stream_.over_budget();
}

void ReadyOperation::await_suspend(std::coroutine_handle<> handle) {
  const Attempt attempt = stream_.ready(direction_)        ? Attempt::kNextTurn
                          : direction_ == Direction::kRead ? Attempt::kWaitRead
                                                           : Attempt::kWaitWrite;
  stream_.slot(direction_).suspend(this, nullptr, attempt, deadline_, handle, &wake_);
}

namespace {

IoResult interrupted(Wake wake, size_t bytes) {
  return {wake == Wake::kTimeout ? IoStatus::kTimeout : IoStatus::kCancelled, 0, bytes};
}

}  // namespace

ReadOperation::~ReadOperation() {
  stream_.slot(Direction::kRead).forget(this);
}

Attempt ReadOperation::attempt() {
  if (stream_.over_budget()) return Attempt::kNextTurn;
  result_ = stream_.try_read(into_);
  if (result_.status == IoStatus::kWouldBlock) return Attempt::kWaitRead;
  stream_.spend(result_.bytes);
  return Attempt::kDone;
}

bool ReadOperation::await_ready() {
  waits_for_ = attempt();
  return waits_for_ == Attempt::kDone;
}

void ReadOperation::await_suspend(std::coroutine_handle<> handle) {
  const auto try_again = [](void* self) { return static_cast<ReadOperation*>(self)->attempt(); };
  stream_.slot(Direction::kRead).suspend(this, try_again, waits_for_, deadline_, handle, &wake_);
}

IoResult ReadOperation::await_resume() {
  return wake_ == Wake::kReady ? result_ : interrupted(wake_, 0);
}

IoResult Stream::try_send_file(int, uint64_t, size_t) {
  return IoResult::failed(EOPNOTSUPP);
}

WriteOperation::~WriteOperation() {
  stream_.slot(Direction::kWrite).forget(this);
}

Attempt WriteOperation::attempt() {
  consume(0);
  while (!from_.empty()) {
    if (stream_.over_budget()) return Attempt::kNextTurn;
    const IoResult written = stream_.try_write(from_);
    if (written.status == IoStatus::kWouldBlock) return Attempt::kWaitWrite;
    if (!written.ok()) {
      result_ = {written.status, written.error, written_};
      return Attempt::kDone;
    }
    stream_.spend(written.bytes);
    if (pace_) pace_->moved(written.bytes);
    consume(written.bytes);
  }
  result_ = IoResult::moved(written_);
  return Attempt::kDone;
}

// Steps over what was written, and over empty pieces.
void WriteOperation::consume(size_t bytes) {
  written_ += bytes;
  while (!from_.empty() && from_.front().iov_len <= bytes) {
    bytes -= from_.front().iov_len;
    from_ = from_.subspan(1);
  }
  if (bytes == 0) return;
  from_.front().iov_base = static_cast<std::byte*>(from_.front().iov_base) + bytes;
  from_.front().iov_len -= bytes;
}

bool WriteOperation::await_ready() {
  waits_for_ = attempt();
  return waits_for_ == Attempt::kDone;
}

Instant WriteOperation::deadline() {
  return pace_ ? pace_->wait(stream_.loop().now(), stream_.undelivered()) : deadline_;
}

Attempt WriteOperation::try_again() {
  const Attempt next = attempt();
  if (pace_ && next != Attempt::kDone) stream_.slot(Direction::kWrite).renew(deadline());
  return next;
}

void WriteOperation::await_suspend(std::coroutine_handle<> handle) {
  const auto again = [](void* self) { return static_cast<WriteOperation*>(self)->try_again(); };
  stream_.slot(Direction::kWrite).suspend(this, again, waits_for_, deadline(), handle, &wake_);
}

IoResult WriteOperation::await_resume() {
  if (pace_) pace_->resume(stream_.loop().now());
  return wake_ == Wake::kReady ? result_ : interrupted(wake_, written_);
}

}  // namespace cardea::l7
