// The calls that open, read and end sockets.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "tests/tcp/packetdrill_adapter/machine.h"
#include "tests/tcp/packetdrill_adapter/socket_address.h"

namespace cardea::packetdrill {
namespace {

using l7::tcp::ConnectionId;
using l7::tcp::Ending;

int fails(int error) {
  errno = error;
  return -1;
}

// What a connection has of the socket that listened.
Socket child_of(const Socket& listener) {
  Socket made;
  made.domain = listener.domain;
  made.nagle = listener.nagle;
  made.zero_copy = listener.zero_copy;
  made.tells_queue = listener.tells_queue;
  made.lingers = listener.lingers;
  made.linger_seconds = listener.linger_seconds;
  made.send_buffer = listener.send_buffer;
  made.buffer_fixed = listener.buffer_fixed;
  made.unsent_most = listener.unsent_most;
  made.receive_buffer = listener.receive_buffer;
  made.options = listener.options;
  made.mss_most = listener.mss_most;
  made.connected = made.opened = true;
  return made;
}

}  // namespace

int Machine::socket(int domain, int type) {
  const Lock lock(mutex_);
  if ((type & 0xf) != SOCK_STREAM) return fails(EPROTONOSUPPORT);
  start();
  Socket socket;
  socket.domain = domain;
  socket.non_blocking = type & SOCK_NONBLOCK;
  socket.send_buffer = settings_.send_buffer;
  socket.unsent_most = settings_.unsent_most;
  socket.receive_buffer = 540'000;
  return new_descriptor(std::move(socket));
}

int Machine::bind(int fd, const sockaddr* address, socklen_t) {
  const Lock lock(mutex_);
  Socket* s = find(fd);
  if (!s) return fails(EBADF);
  if (s->connected || s->listening) return fails(EINVAL);
  s->local = endpoint_of(address);
  return 0;
}

int Machine::listen(int fd) {
  const Lock lock(mutex_);
  Socket* s = find(fd);
  if (!s) return fails(EBADF);
  if (s->listening) return 0;
  if (s->connected) return fails(EINVAL);
  const Endpoint any{IpAddress{}, s->local.port};
  const auto listener = stack_->listen(is_unspecified(s->local.address) ? any : s->local);
  if (!listener) return fails(EADDRINUSE);
  s->listening = true;
  s->listener = *listener;
  return 0;
}

int Machine::accept(int fd, sockaddr* address, socklen_t* size) {
  Lock lock(mutex_);
  Socket* s = find(fd);
  if (!s || !s->listening) return fails(s ? EINVAL : EBADF);
  if (s->accepted.empty() && s->non_blocking) return fails(EAGAIN);
  wait(lock, -1, [&] { return !s->accepted.empty(); });
  Socket made = child_of(*s);
  made.opened_at = now_;
  made.id = s->accepted.front();
  s->accepted.pop_front();
  if (const auto* c = stack_->find(made.id)) {
    made.local = {c->tuple.local, c->tuple.local_port};
    made.remote = {c->tuple.remote, c->tuple.remote_port};
    if (c->state == l7::tcp::State::kClosed) made.end_told = true, made.ending = c->ending;
  }
  stack_->set_nagle(made.id, made.nagle);
  if (address) write_address(made.remote, made.domain, address, size);
  return new_descriptor(std::move(made));
}

int Machine::connect(int fd, const sockaddr* address, socklen_t) {
  Lock lock(mutex_);
  Socket* s = find(fd);
  if (!s) return fails(EBADF);
  if (s->connected) {
    if (!s->opened && !s->end_told) return fails(EALREADY);
    if (s->end_told && !s->opened) return fails_to_read(*s) < 0 ? -1 : fails(ECONNABORTED);
    return std::exchange(s->open_told, true) ? fails(EISCONN) : 0;
  }
  s->remote = endpoint_of(address);
  if (s->local.port == 0) s->local.port = 33'333;
  if (is_unspecified(s->local.address)) s->local.address = local_ip_;
  const auto id = stack_->connect(s->local, s->remote, now_);
  if (!id) return fails(EADDRNOTAVAIL);
  s->connected = true;
  s->id = *id;
  stack_->set_nagle(s->id, s->nagle);
  collect();
  if (s->non_blocking) return fails(EINPROGRESS);
  s->open_told = true;
  wait(lock, -1, [&] { return s->opened || s->end_told; });
  return s->opened ? 0 : int(fails_to_read(*s));
}

// As the kernel's sk_err: told once, and after that it is the end of the stream.
ssize_t Machine::fails_to_read(Socket& s) {
  const bool broken = s.end_told && s.ending != Ending::kOrderly && s.ending != Ending::kAborted;
  if (!broken || std::exchange(s.error_told, true)) return 0;
  return fails(failure(s));
}

ssize_t Machine::read(int fd, std::byte* to, size_t size, int flags) {
  Lock lock(mutex_);
  Socket* s = find(fd);
  if (!s || !s->connected) return fails(s ? ENOTCONN : EBADF);
  const auto at_end = [&] {
    const auto* c = stack_->find(s->id);
    return !c || s->end_told || s->read_shut || c->fin_received;
  };
  const size_t least = flags & MSG_WAITALL ? size : 1;
  const auto any = [&] {
    const auto* c = stack_->find(s->id);
    return at_end() || (c && c->received.readable() >= least);
  };
  if (!any()) {
    if (s->non_blocking || (flags & MSG_DONTWAIT)) return fails(EAGAIN);
    wait(lock, -1, any);
  }
  if (!to && size > 0 && !(flags & MSG_TRUNC) && !stack_->front(s->id).empty()) return fails(EFAULT);
  size_t count = 0;
  for (Bytes front; count < size && !(front = stack_->front(s->id)).empty();) {
    const size_t part = std::min(front.size(), size - count);
    if (to && !(flags & MSG_TRUNC)) std::memcpy(to + count, front.data(), part);
    count += part;
    if (flags & MSG_PEEK) break;
    stack_->consume(s->id, part, now_);
  }
  collect();
  return count == 0 && size > 0 ? fails_to_read(*s) : ssize_t(count);
}

int Machine::close(int fd) {
  const Lock lock(mutex_);
  Socket* s = find(fd);
  if (!s) return ::close(fd);
  if (!s->held.empty()) let_held_go(*s, true);
  if (s->listening) stack_->stop_listening(s->listener);
  for (const ConnectionId id : s->accepted) stack_->abort(id, now_);
  if (s->connected && s->lingers && s->linger_seconds == 0) stack_->abort(s->id, now_);
  if (s->connected) stack_->close(s->id, now_);
  if (stack_) collect();
  for (auto& [epoll, other] : sockets_) other.watched.erase(fd);
  // Its memory is still lent; only the number is given back.
  Socket kept = std::move(*s);
  kept.listening = false;
  sockets_.erase(fd);
  sockets_[-2 - int(sockets_.size())] = std::move(kept);
  return ::close(fd);
}

int Machine::shutdown(int fd, int how) {
  const Lock lock(mutex_);
  Socket* s = find(fd);
  if (!s || !s->connected) return fails(s ? ENOTCONN : EBADF);
  if (s->end_told) return fails(ENOTCONN);
  if (how != SHUT_WR) s->read_shut = true, s->wakes.in++;
  if (how != SHUT_RD) {
    if (!s->held.empty()) let_held_go(*s, true);
    s->write_shut = true;
    stack_->finish(s->id, now_);
  }
  collect();
  return 0;
}

}  // namespace cardea::packetdrill
