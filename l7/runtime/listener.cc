#include "l7/runtime/listener.h"

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>

#include "base/check.h"
#include "l7/runtime/socket_address.h"

namespace cardea::l7 {
namespace {

bool set_option(int fd, int level, int name, int value) {
  return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

// Accepted sockets inherit TCP_NODELAY, which saves a call for each of them.
bool set_options(int fd, bool v4, const ListenOptions& options) {
  return set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) &&
         (options.alone || set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1)) &&
         set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1) &&
         (v4 ? set_option(fd, IPPROTO_IP, IP_FREEBIND, 1)
             : set_option(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1) && set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)) &&
         (!options.defer_accept || set_option(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, 1));
}

// What accept(2) reports of a single connection, or of the network under it, and not of this host.
bool concerns_one_connection(int error) {
  switch (error) {
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
    case EPERM:
      return true;
    default:
      return false;
  }
}

// Two that bind in the same instant both may; then it is listen() that refuses one.
std::unexpected<Error> cannot_listen(const std::string& what, const Endpoint& at, int error) {
  if (error == EACCES && at.port < 1024)
    return fail(what + ": ports below 1024 need CAP_NET_BIND_SERVICE", Origin::kOperator);
  if (error == EADDRINUSE) return fail(what + ": another program listens there", Origin::kOperator);
  return fail_errno(what, error);
}

}  // namespace

Result<FileDescriptor> open_listening_socket(const Endpoint& at, const ListenOptions& options) {
  const std::string what = "listen on " + at.text();
  FileDescriptor socket(::socket(address_family(at.address), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket || !set_options(socket.get(), at.address.is_v4(), options)) return fail_errno(what);
  const SocketAddress address(at);
  if (::bind(socket.get(), address.data(), address.length) != 0) return cannot_listen(what, at, errno);
  if (::listen(socket.get(), options.backlog) != 0) return cannot_listen(what, at, errno);
  if (options.alone && !set_option(socket.get(), SOL_SOCKET, SO_REUSEPORT, 1)) return fail_errno(what);
  return socket;
}

Listener::Listener(Loop& loop, FileDescriptor socket) : loop_(loop), socket_(std::move(socket)) {}

Listener::~Listener() {
  CHECK(!acceptor_.operation, "a listener outlives who accepts from it");
  close();
}

void Listener::close() {
  socket_.close();
  wake();
}

FileDescriptor Listener::take() {
  if (watched_) loop_.unwatch(socket_.get());
  FileDescriptor taken = std::move(socket_);
  wake();
  return taken;
}

Endpoint Listener::local() const {
  SocketAddress at;
  if (getsockname(socket_.get(), at.data(), &at.length) != 0) return {};
  return at.endpoint();
}

void Listener::on_events(uint32_t) {
  wake();
}

void Listener::wake() {
  if (acceptor_.operation) loop_.schedule(acceptor_);
}

bool Listener::try_accept(Result<Accepted>& into) {
  for (;;) {
    if (!socket_) {
      into = fail("the listening socket is closed");
      return true;
    }
    SocketAddress peer;
    FileDescriptor socket(accept4(socket_.get(), peer.data(), &peer.length, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (socket) {
      accepted_in_turn_++;
      into = Accepted{std::move(socket), peer.endpoint()};
      return true;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) return false;
    if (concerns_one_connection(errno)) continue;
    into = fail_errno("accept a connection");
    return true;
  }
}

void Listener::Acceptor::woken() {
  AcceptOperation& waiting = *operation;
  if (!waiting.listener_.try_accept(waiting.result_)) return;  // the next edge wakes again
  operation = nullptr;
  waiting.handle_.resume();
}

AcceptOperation::~AcceptOperation() {
  Listener::Acceptor& acceptor = listener_.acceptor_;
  if (acceptor.operation != this) return;
  acceptor.operation = nullptr;
  acceptor.unlink();
  acceptor.scheduled = false;
}

bool AcceptOperation::await_ready() {
  if (listener_.turn_ != listener_.loop_.turn()) {
    listener_.turn_ = listener_.loop_.turn();
    listener_.accepted_in_turn_ = 0;
  }
  return listener_.accepted_in_turn_ < Listener::kAcceptsPerTurn && listener_.try_accept(result_);
}

void AcceptOperation::await_suspend(std::coroutine_handle<> handle) {
  CHECK(!listener_.acceptor_.operation, "a listener has one who accepts");
  handle_ = handle;
  listener_.acceptor_.operation = this;
  if (listener_.accepted_in_turn_ >= Listener::kAcceptsPerTurn) listener_.wake();
  if (listener_.watched_) return;
  listener_.watched_ = listener_.loop_.watch(listener_.socket_.get(), listener_, EPOLLIN).has_value();
  if (!listener_.watched_) listener_.wake();
}

}  // namespace cardea::l7
