#include "l7/door/tcp_stream.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "l7/door/shard_door.h"

namespace cardea::l7::door {
namespace {

bool connecting(const tcp::Connection& c) {
  return c.state == tcp::State::kSynSent || c.state == tcp::State::kSynReceived;
}

bool at_end(const tcp::Connection& c) {
  return c.fin_received || c.state == tcp::State::kClosed;
}

}  // namespace

int error_of(tcp::Ending ending) {
  switch (ending) {
    case tcp::Ending::kNot:
    case tcp::Ending::kOrderly:
      return 0;
    case tcp::Ending::kReset:
      return ECONNRESET;
    case tcp::Ending::kRefused:
      return ECONNREFUSED;
    case tcp::Ending::kTimedOut:
      return ETIMEDOUT;
    case tcp::Ending::kUnreachable:
      return EHOSTUNREACH;
    case tcp::Ending::kAborted:
      return ECONNABORTED;
  }
  return ECONNABORTED;
}

TcpStream::TcpStream(ShardDoor& door, tcp::ConnectionId id, const Endpoint& local, const Endpoint& peer)
    : Stream(door.loop()), door_(door), id_(id), local_(local), peer_(peer) {
  door_.own(id_, *this);
}

TcpStream::~TcpStream() {
  TcpStream::close(Close::kOrderly);
}

// The stack keeps it until its owner has left, and we have not.
const tcp::Connection& TcpStream::connection() const {
  return *door_.stack().find(id_);
}

int TcpStream::failure() const {
  const tcp::Connection& c = connection();
  return c.state == tcp::State::kClosed ? error_of(c.ending) : 0;
}

IoResult TcpStream::try_read(MutableBytes into) {
  if (!open_) return {IoStatus::kCancelled, 0, 0};
  size_t count = 0;
  while (count < into.size()) {
    const Bytes front = door_.stack().front(id_);
    if (front.empty()) break;
    const size_t part = std::min(front.size(), into.size() - count);
    std::memcpy(into.data() + count, front.data(), part);
    door_.stack().consume(id_, part, loop().now());
    count += part;
  }
  if (count > 0) return IoResult::moved(count);
  if (const int error = failure(); error != 0) return IoResult::failed(error);
  return at_end(connection()) ? IoResult::end() : IoResult::would_block();
}

IoResult TcpStream::try_write(std::span<const iovec> from) {
  if (!open_) return {IoStatus::kCancelled, 0, 0};
  if (const int error = failure(); error != 0) return IoResult::failed(error);
  if (connection().fin_wanted || connection().state == tcp::State::kClosed) return IoResult::failed(EPIPE);
  size_t count = 0, wanted = 0;
  for (const iovec& piece : from) {
    const size_t part = door_.write(id_, {static_cast<const std::byte*>(piece.iov_base), piece.iov_len});
    count += part;
    wanted += piece.iov_len;
    if (part < piece.iov_len) break;
  }
  return count > 0 || wanted == 0 ? IoResult::moved(count) : IoResult::would_block();
}

size_t TcpStream::undelivered() const {
  return open_ ? connection().written.size() : 0;
}

IoResult TcpStream::shutdown_write() {
  if (!open_) return {IoStatus::kCancelled, 0, 0};
  if (const int error = failure(); error != 0) return IoResult::failed(error);
  door_.stack().finish(id_, loop().now());
  return IoResult::moved(0);
}

void TcpStream::close(Close how) {
  if (!open_) return;
  open_ = false;
  unlink();
  door_.leave(id_, how);
  wake(Direction::kRead, Wake::kCancelled);
  wake(Direction::kWrite, Wake::kCancelled);
}

bool TcpStream::ready_to_read(const tcp::Connection& c) const {
  return c.received.readable() > 0 || at_end(c);
}

bool TcpStream::ready_to_write(const tcp::Connection& c) const {
  if (c.state == tcp::State::kClosed || c.fin_wanted) return true;
  return !connecting(c) && door_.may_write(id_);
}

bool TcpStream::ready(Direction direction) const {
  if (!open_) return true;
  return direction == Direction::kRead ? ready_to_read(connection()) : ready_to_write(connection());
}

void TcpStream::wait(Direction direction, Waiter& waiter) {
  if (!open_) return loop().schedule(waiter, Wake::kCancelled);
  if (ready(direction)) return loop().schedule(waiter);
  waiting_[static_cast<size_t>(direction)].push_back(waiter);
  if (direction == Direction::kWrite && door_.short_of_blocks(id_)) door_.tell_of_blocks(*this);
}

void TcpStream::notice(uint8_t events) {
  constexpr uint8_t kToRead = tcp::kReadable | tcp::kPeerFinished | tcp::kEnded;
  if (events & kToRead) wake(Direction::kRead, Wake::kReady);
  if (!waiting_[size_t(Direction::kWrite)].empty() && ready(Direction::kWrite)) wake(Direction::kWrite, Wake::kReady);
}

void TcpStream::wake(Direction direction, Wake why) {
  while (Waiter* waiter = waiting_[static_cast<size_t>(direction)].pop_front()) loop().schedule(*waiter, why);
}

Result<> TcpStream::connected(Wake wake) {
  const auto failed = [&](const char* why) {
    close(Close::kReset);
    return fail("connect to " + peer_.text() + ": " + why, Origin::kBackend, Retry::kSafe);
  };
  if (wake == Wake::kTimeout) return failed("no answer before the deadline");
  if (wake == Wake::kCancelled || !open_) return failed("cancelled");
  if (const int error = failure(); error != 0) return failed(std::strerror(error));
  return {};
}

}  // namespace cardea::l7::door
