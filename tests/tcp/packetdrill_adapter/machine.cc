#include "tests/tcp/packetdrill_adapter/machine.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "tests/tcp/packetdrill_adapter/segment_offload.h"
#include "tests/tcp/packetdrill_adapter/socket_address.h"

namespace cardea::packetdrill {
namespace {

using l7::tcp::ConnectionId;
using l7::tcp::Ending;
using l7::tcp::State;

constexpr Instant kStart = Instant(std::chrono::seconds(100'000));

int fails(int error) {
  errno = error;
  return -1;
}

// Linux' with the buffers that packetdrill's suites set (tcp_rmem 4096 540000 15728640): window scale 8.
l7::tcp::Settings settings() {
  l7::tcp::Settings settings;
  settings.table_key = {1, 2};
  settings.isn_key = {3, 4};
  settings.timestamp_key = {5, 6};
  settings.receive_window_max = 65535u << 8;
  settings.send_queue_max = 16 << 20;
  settings.mss_floor = 48;
  return settings;
}

}  // namespace

Machine::Machine(const char* flags) : stack_(settings(), kStart), now_(kStart) {
  const auto local = IpAddress::parse(flags ? flags : "192.168.0.1");
  local_ip_ = local ? *local : *IpAddress::parse("192.168.0.1");
}

Machine::~Machine() {
  for (const auto& [fd, socket] : sockets_) ::close(fd);
}

Socket* Machine::find(int fd) {
  const auto at = sockets_.find(fd);
  return at == sockets_.end() ? nullptr : &at->second;
}

bool Machine::knows(int fd) {
  const Lock lock(mutex_);
  return find(fd);
}

// A real one: at its end packetdrill closes what is left by libc's own call.
int Machine::new_descriptor(Socket socket) {
  const int fd = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (fd >= 0) sockets_[fd] = std::move(socket);
  return fd;
}

int Machine::socket(int domain, int type) {
  const Lock lock(mutex_);
  if ((type & 0xf) != SOCK_STREAM) return fails(EPROTONOSUPPORT);
  Socket socket;
  socket.domain = domain;
  socket.non_blocking = type & SOCK_NONBLOCK;
  return new_descriptor(socket);
}

int Machine::bind(int fd, const sockaddr* address, socklen_t) {
  const Lock lock(mutex_);
  Socket* s = find(fd);
  if (!s) return fails(EBADF);
  s->local = endpoint_of(address);
  return 0;
}

int Machine::listen(int fd) {
  const Lock lock(mutex_);
  Socket* s = find(fd);
  if (!s) return fails(EBADF);
  const Endpoint any{IpAddress{}, s->local.port};
  const auto listener = stack_.listen(is_unspecified(s->local.address) ? any : s->local);
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
  Socket made;
  made.domain = s->domain;
  made.connected = made.opened = true;
  made.id = s->accepted.front();
  s->accepted.pop_front();
  if (const auto* c = stack_.find(made.id)) {
    made.local = {c->tuple.local, c->tuple.local_port};
    made.remote = {c->tuple.remote, c->tuple.remote_port};
  }
  stack_.set_nagle(made.id, s->nagle);
  made.nagle = s->nagle;
  if (address) write_address(made.remote, made.domain, address, size);
  return new_descriptor(made);
}

int Machine::connect(int fd, const sockaddr* address, socklen_t) {
  Lock lock(mutex_);
  Socket* s = find(fd);
  if (!s) return fails(EBADF);
  if (s->connected) return s->opened ? fails(EISCONN) : fails(s->end_told ? failure(*s) : EALREADY);
  s->remote = endpoint_of(address);
  if (s->local.port == 0) s->local.port = 33'333;
  if (is_unspecified(s->local.address)) s->local.address = local_ip_;
  const auto id = stack_.connect(s->local, s->remote, now_);
  if (!id) return fails(EADDRNOTAVAIL);
  s->connected = true;
  s->id = *id;
  stack_.set_nagle(s->id, s->nagle);
  collect();
  if (s->non_blocking) return fails(EINPROGRESS);
  wait(lock, -1, [&] { return s->opened || s->end_told; });
  return s->opened ? 0 : fails(failure(*s));
}

int Machine::failure(const Socket& s) const {
  switch (s.ending) {
    case Ending::kReset:
      return ECONNRESET;
    case Ending::kRefused:
      return ECONNREFUSED;
    case Ending::kTimedOut:
      return ETIMEDOUT;
    case Ending::kUnreachable:
      return EHOSTUNREACH;
    default:
      return ENOTCONN;
  }
}

ssize_t Machine::read(int fd, std::byte* to, size_t size, int flags) {
  Lock lock(mutex_);
  Socket* s = find(fd);
  if (!s || !s->connected) return fails(s ? ENOTCONN : EBADF);
  const auto at_end = [&] {
    const auto* c = stack_.find(s->id);
    return !c || s->end_told || s->read_shut || c->fin_received;
  };
  const auto any = [&] { return !stack_.front(s->id).empty() || at_end(); };
  if (!any()) {
    if (s->non_blocking || (flags & MSG_DONTWAIT)) return fails(EAGAIN);
    wait(lock, -1, any);
  }
  size_t count = 0;
  for (Bytes front; count < size && !(front = stack_.front(s->id)).empty();) {
    const size_t part = std::min(front.size(), size - count);
    if (to) std::memcpy(to + count, front.data(), part);
    count += part;
    if (flags & MSG_PEEK) break;
    stack_.consume(s->id, part, now_);
  }
  collect();
  const bool broken = s->end_told && s->ending != Ending::kOrderly && s->ending != Ending::kAborted;
  return count == 0 && size > 0 && broken ? fails(failure(*s)) : ssize_t(count);
}

ssize_t Machine::write(int fd, const std::byte* from, size_t size, int flags) {
  Lock lock(mutex_);
  Socket* s = find(fd);
  if (!s || !s->connected) return fails(s ? EPIPE : EBADF);
  size_t count = 0;
  s->lent.emplace_back(from, from + size);
  const Bytes bytes = s->lent.back();
  const auto step = [&] {
    if (s->end_told || s->write_shut) return true;
    if (s->opened) count += stack_.write(s->id, bytes.subspan(count), now_);
    collect();
    return count == size;
  };
  if (!step() && !s->non_blocking && !(flags & MSG_DONTWAIT)) wait(lock, -1, step);
  if (count > 0 || size == 0) return ssize_t(count);
  if (s->end_told && s->ending == Ending::kReset) return fails(ECONNRESET);
  return fails(s->end_told || s->write_shut ? EPIPE : EAGAIN);
}

int Machine::close(int fd) {
  const Lock lock(mutex_);
  Socket* s = find(fd);
  if (!s) return ::close(fd);
  if (s->listening) stack_.stop_listening(s->listener);
  for (const ConnectionId id : s->accepted) stack_.abort(id, now_);
  if (s->connected && s->lingers && s->linger_seconds == 0) stack_.abort(s->id, now_);
  if (s->connected) stack_.close(s->id, now_);
  collect();
  // Its memory is still lent; only the number is given back.
  Socket kept = std::move(*s);
  sockets_.erase(fd);
  sockets_[-2 - int(sockets_.size())] = std::move(kept);
  return ::close(fd);
}

int Machine::shutdown(int fd, int how) {
  const Lock lock(mutex_);
  Socket* s = find(fd);
  if (!s || !s->connected) return fails(s ? ENOTCONN : EBADF);
  if (how != SHUT_WR) s->read_shut = true;
  if (how != SHUT_RD) {
    s->write_shut = true;
    stack_.finish(s->id, now_);
  }
  collect();
  return 0;
}

template <typename Done>
void Machine::wait(Lock& lock, int timeout_ms, Done done) {
  const Instant until = now_ + std::chrono::milliseconds(timeout_ms);
  changed_.wait(lock, [&] { return done() || (timeout_ms >= 0 && now_ >= until); });
}

void Machine::told(const l7::tcp::Notice& notice) {
  for (auto& [fd, s] : sockets_) {
    if (s.connected && s.id == notice.id) {
      s.opened |= (notice.events & l7::tcp::kOpened) != 0;
      if (notice.events & l7::tcp::kEnded) s.end_told = true, s.ending = notice.ending;
      return;
    }
    if (s.listening && s.listener == notice.listener && (notice.events & l7::tcp::kOpened)) {
      s.accepted.push_back(notice.id);
      return;
    }
  }
}

// New data that leaves at one moment is one packet; what is sent again stays by itself.
void Machine::leaves(Bytes packet) {
  const bool again = stack_.counters().retransmitted != retransmitted_;
  retransmitted_ = stack_.counters().retransmitted;
  const bool together = !again && !last_was_again_ && !left_.empty() && left_.back().at == now_;
  last_was_again_ = again;
  if (together && merge(left_.back().packet, packet)) return;
  left_.push_back({now_, {packet.begin(), packet.end()}});
}

void Machine::collect() {
  std::byte room[65536];
  for (bool more = true; more;) {
    more = false;
    while (const size_t size = stack_.transmit(room, now_)) leaves(Bytes(room, size));
    while (const auto notice = stack_.next_notice()) told(*notice), more = true;
  }
  changed_.notify_all();
}

void Machine::run_to(Instant until) {
  while (stack_.next() <= until) {
    now_ = std::max(now_, stack_.next());
    stack_.advance(now_);
    collect();
  }
  now_ = std::max(now_, until);
}

int Machine::packet_arrives(const void* packet, size_t size) {
  const Lock lock(mutex_);
  stack_.receive(Bytes(static_cast<const std::byte*>(packet), size), now_);
  collect();
  return 0;
}

// Its caller knows no waiting: time goes on until a packet leaves, and where no time is waited for there is none.
int Machine::packet_left(void* packet, size_t* size, long long* microseconds) {
  const Lock lock(mutex_);
  while (left_.empty() && stack_.next() != Instant::max()) run_to(stack_.next());
  if (left_.empty()) {
    *size = 0;
    return 0;
  }
  const Left& first = left_.front();
  *size = std::min(*size, first.packet.size());
  std::memcpy(packet, first.packet.data(), *size);
  *microseconds = first.at.time_since_epoch() / std::chrono::microseconds(1);
  left_.pop_front();
  return 0;
}

void Machine::sleep(std::chrono::nanoseconds time) {
  const Lock lock(mutex_);
  run_to(now_ + time);
  changed_.notify_all();
}

// Each look at the clock moves it a little: its caller waits by looking again and again.
void Machine::time_of_day(timeval* answer) {
  const Lock lock(mutex_);
  run_to(now_ + std::chrono::microseconds(1));
  const auto microseconds = now_.time_since_epoch() / std::chrono::microseconds(1);
  answer->tv_sec = microseconds / 1'000'000;
  answer->tv_usec = microseconds % 1'000'000;
}

short Machine::ready(int fd) {
  Socket* s = find(fd);
  if (!s) return POLLNVAL;
  if (s->listening) return s->accepted.empty() ? 0 : POLLIN;
  const auto* c = s->connected ? stack_.find(s->id) : nullptr;
  if (!c) return POLLHUP | POLLOUT | (s->end_told ? POLLIN | POLLRDHUP : 0);
  short events = 0;
  if (c->received.readable() > 0 || c->fin_received || s->end_told || s->read_shut) events |= POLLIN | POLLRDNORM;
  if (c->fin_received || s->read_shut) events |= POLLRDHUP;
  if (s->opened && c->written.size() < stack_.resources().settings.send_queue_max) events |= POLLOUT | POLLWRNORM;
  if (s->end_told) events |= POLLHUP | POLLRDHUP;
  if (s->end_told && s->ending != Ending::kOrderly && s->ending != Ending::kAborted) events |= POLLERR;
  if (c->fin_received && s->write_shut) events |= POLLHUP;
  return events;
}

int Machine::poll(pollfd* fds, nfds_t count, int timeout) {
  Lock lock(mutex_);
  int some = 0;
  wait(lock, timeout, [&] {
    some = 0;
    for (nfds_t i = 0; i < count; i++) {
      fds[i].revents = short(ready(fds[i].fd) & (fds[i].events | POLLERR | POLLHUP | POLLNVAL));
      some += fds[i].revents != 0;
    }
    return some > 0;
  });
  return some;
}

int Machine::epoll_create() {
  const Lock lock(mutex_);
  return new_descriptor(Socket{});
}

int Machine::epoll_control(int epoll, int operation, int fd, epoll_event* event) {
  const Lock lock(mutex_);
  Socket* e = find(epoll);
  if (!e || !find(fd)) return fails(EBADF);
  if (operation == EPOLL_CTL_DEL)
    e->watched.erase(fd);
  else
    e->watched[fd] = *event;
  return 0;
}

int Machine::epoll_wait(int epoll, epoll_event* events, int most, int timeout) {
  Lock lock(mutex_);
  Socket* e = find(epoll);
  if (!e) return fails(EBADF);
  int count = 0;
  wait(lock, timeout, [&] {
    count = 0;
    for (const auto& [fd, watched] : e->watched) {
      const uint32_t now = uint32_t(ready(fd)) & (watched.events | EPOLLERR | EPOLLHUP);
      if (now && count < most) events[count++] = {.events = now, .data = watched.data};
    }
    return count > 0;
  });
  return count;
}

}  // namespace cardea::packetdrill
