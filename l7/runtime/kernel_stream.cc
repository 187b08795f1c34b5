#include "l7/runtime/kernel_stream.h"

#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "l7/runtime/socket_address.h"

namespace cardea::l7 {
namespace {

void set_option(int fd, int level, int name, int value) {
  setsockopt(fd, level, name, &value, sizeof value);
}

size_t total(std::span<const iovec> pieces) {
  size_t bytes = 0;
  for (const iovec& piece : pieces) bytes += piece.iov_len;
  return bytes;
}

// Beneath it copying what is in pieces costs less than the kernel's taking of a list of pieces.
constexpr size_t kGatherBelow = 2048;

ssize_t send_gathered(int fd, std::span<const iovec> pieces) {
  std::array<char, kGatherBelow> whole;
  size_t bytes = 0;
  for (const iovec& piece : pieces) {
    if (piece.iov_len == 0) continue;  // it may have no place either
    std::memcpy(whole.data() + bytes, piece.iov_base, piece.iov_len);
    bytes += piece.iov_len;
  }
  return ::send(fd, whole.data(), bytes, MSG_NOSIGNAL);
}

ssize_t send_pieces(int fd, std::span<const iovec> pieces, size_t bytes) {
  if (pieces.size() == 1) return ::send(fd, pieces[0].iov_base, pieces[0].iov_len, MSG_NOSIGNAL);
  if (bytes <= kGatherBelow) return send_gathered(fd, pieces);
  const msghdr message{.msg_iov = const_cast<iovec*>(pieces.data()), .msg_iovlen = pieces.size()};
  return ::sendmsg(fd, &message, MSG_NOSIGNAL);
}

// What connect(2) and socket(2) say of this host, and not of who is connected to: descriptors, memory, source ports.
bool concerns_this_host(int error) {
  switch (error) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case EAGAIN:
    case EADDRNOTAVAIL:
      return true;
    default:
      return false;
  }
}

Error connect_error(const std::string& what, int error) {
  Error failed = std::move(fail_errno(what, error).error());
  failed.origin = concerns_this_host(error) ? Origin::kSelf : Origin::kBackend;
  failed.retry = Retry::kSafe;
  return failed;
}

}  // namespace

KernelStream::KernelStream(Loop& loop, FileDescriptor socket, const Endpoint& peer, const Endpoint& local)
    : Stream(loop), socket_(std::move(socket)), peer_(peer), local_(local) {}

KernelStream::KernelStream(Loop& loop) : Stream(loop) {}

KernelStream::~KernelStream() {
  KernelStream::close(Close::kOrderly);
}

IoResult KernelStream::try_read(MutableBytes into) {
  if (!socket_) return {IoStatus::kCancelled, 0, 0};
  if (error_ != 0) return IoResult::failed(error_);
  ssize_t count;
  do {
    count = ::recv(socket_.get(), into.data(), into.size(), 0);
  } while (count < 0 && errno == EINTR);
  if (count > 0) {
    if (static_cast<size_t>(count) < into.size() && !peer_shut_) readable_ = false;
    return IoResult::moved(count);
  }
  if (count == 0) return IoResult::end();
  if (errno != EAGAIN && errno != EWOULDBLOCK) return IoResult::failed(errno);
  readable_ = false;
  return IoResult::would_block();
}

IoResult KernelStream::try_write(std::span<const iovec> from) {
  if (!socket_) return {IoStatus::kCancelled, 0, 0};
  if (error_ != 0) return IoResult::failed(error_);
  const auto pieces = from.first(std::min<size_t>(from.size(), IOV_MAX));
  const size_t bytes = total(pieces);
  ssize_t count;
  do {
    count = send_pieces(socket_.get(), pieces, bytes);
  } while (count < 0 && errno == EINTR);
  if (count >= 0) {
    if (static_cast<size_t>(count) < bytes) writable_ = false;
    return IoResult::moved(count);
  }
  return not_written(errno);
}

IoResult KernelStream::not_written(int error) {
  if (error != EAGAIN && error != EWOULDBLOCK) return IoResult::failed(error);
  writable_ = false;
  return IoResult::would_block();
}

IoResult KernelStream::try_send_file(int file, uint64_t offset, size_t bytes) {
  if (!socket_) return {IoStatus::kCancelled, 0, 0};
  if (error_ != 0) return IoResult::failed(error_);
  off_t at = off_t(offset);
  ssize_t count;
  do {
    count = ::sendfile(socket_.get(), file, &at, bytes);
  } while (count < 0 && errno == EINTR);
  if (count > 0) return IoResult::moved(size_t(count));  // less says nothing: the file may end
  return count == 0 ? IoResult::end() : not_written(errno);
}

size_t KernelStream::undelivered() const {
  int bytes = 0;
  return socket_ && ::ioctl(socket_.get(), SIOCOUTQ, &bytes) == 0 && bytes > 0 ? size_t(bytes) : 0;
}

IoResult KernelStream::shutdown_write() {
  if (!socket_) return {IoStatus::kCancelled, 0, 0};
  if (::shutdown(socket_.get(), SHUT_WR) != 0) return IoResult::failed(errno);
  return IoResult::moved(0);
}

void KernelStream::close(Close how) {
  if (!socket_) return;
  if (how == Close::kReset) {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  socket_.close();
  wake(Direction::kRead, Wake::kCancelled);
  wake(Direction::kWrite, Wake::kCancelled);
}

bool KernelStream::ready(Direction direction) const {
  if (!socket_ || error_ != 0) return true;
  return direction == Direction::kRead ? readable_ : writable_;
}

void KernelStream::wait(Direction direction, Waiter& waiter) {
  if (!socket_) return loop().schedule(waiter, Wake::kCancelled);
  watch(direction == Direction::kRead ? EPOLLIN | EPOLLRDHUP : EPOLLOUT);
  if (ready(direction)) return loop().schedule(waiter);
  waiting_[static_cast<size_t>(direction)].push_back(waiter);
}

// Adding or changing reports what is true already as a first edge, so nothing that came before is missed.
void KernelStream::watch(uint32_t events) {
  if ((watched_ & events) == events) return;
  const uint32_t all = watched_ | events;
  const Result<> done =
      watched_ == 0 ? loop().watch(socket_.get(), *this, all) : loop().rewatch(socket_.get(), *this, all);
  watched_ = all;
  if (!done) error_ = ENOMEM;
}

void KernelStream::on_events(uint32_t events) {
  if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) peer_shut_ = true;
  if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
    readable_ = true;
    wake(Direction::kRead, Wake::kReady);
  }
  if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) {
    writable_ = true;
    wake(Direction::kWrite, Wake::kReady);
  }
}

void KernelStream::wake(Direction direction, Wake why) {
  while (Waiter* waiter = waiting_[static_cast<size_t>(direction)].pop_front()) loop().schedule(*waiter, why);
}

Endpoint KernelStream::local() const {
  if (local_.port == 0 && socket_) {
    SocketAddress at;
    if (getsockname(socket_.get(), at.data(), &at.length) == 0) local_ = at.endpoint();
  }
  return local_;
}

void KernelStream::set_unacknowledged_max(std::chrono::milliseconds limit) {
  set_option(socket_.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(limit.count()));
}

// True: connected already.
Result<bool> KernelStream::start_connect(const Endpoint& to, const ConnectOptions& options) {
  CHECK(!socket_, "a stream connects once");
  const auto refuse = [&](const char* what) {
    Error error = connect_error("connect to " + to.text() + ": " + what, errno);
    socket_.close();
    return std::unexpected(std::move(error));
  };
  peer_ = to;
  socket_ = FileDescriptor(::socket(address_family(to.address), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket_) return refuse("open a socket");
  set_option(socket_.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  if (options.bind_source) {
    set_option(socket_.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    const SocketAddress source({options.source, 0});
    if (::bind(socket_.get(), source.data(), source.length) != 0) return refuse("use the source address");
  }
  const SocketAddress at(to);
  if (::connect(socket_.get(), at.data(), at.length) == 0) return true;
  if (errno != EINPROGRESS) return refuse("start");
  readable_ = writable_ = false;
  watch(EPOLLIN | EPOLLRDHUP | EPOLLOUT);
  return false;
}

Result<> KernelStream::connect_outcome() {
  int error = error_;
  socklen_t length = sizeof error;
  if (error == 0) getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &length);
  if (error == 0) return {};
  Error failed = connect_error("connect to " + peer_.text(), error);
  close(Close::kReset);
  return std::unexpected(std::move(failed));
}

ConnectOperation::~ConnectOperation() {
  stream_.slot(Direction::kWrite).forget(this);
}

bool ConnectOperation::await_ready() {
  connected_ = stream_.start_connect(to_, options_);
  return !connected_ || *connected_;
}

void ConnectOperation::await_suspend(std::coroutine_handle<> handle) {
  stream_.slot(Direction::kWrite).suspend(this, nullptr, IoSlot::Attempt::kWaitWrite, deadline_, handle, &wake_);
}

Result<> ConnectOperation::await_resume() {
  if (!connected_) return std::unexpected(std::move(connected_.error()));
  if (*connected_) return {};
  if (wake_ == Wake::kReady) return stream_.connect_outcome();
  stream_.close(Close::kReset);
  const char* why = wake_ == Wake::kTimeout ? ": no answer before the deadline" : ": cancelled";
  return fail("connect to " + to_.text() + why, Origin::kBackend, Retry::kSafe);
}

}  // namespace cardea::l7
