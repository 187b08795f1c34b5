#include "mgmt/api/connection.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "base/peer_credentials.h"

namespace cardea::mgmt::api {
namespace {

using Clock = std::chrono::steady_clock;

int milliseconds_until(Clock::time_point when) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(when - Clock::now());
  return int(std::max<int64_t>(left.count(), 0));
}

}  // namespace

Connection::Connection(FileDescriptor socket, int ending, const Patience& patience)
    : socket_(std::move(socket)),
      ending_(ending),
      patience_(patience),
      request_until_(Clock::now() + patience.request) {}

bool Connection::is_readable() const {
  std::array<pollfd, 2> wanted{{{socket_.get(), POLLIN, 0}, {ending_, POLLIN, 0}}};
  const int ready = ::poll(wanted.data(), wanted.size(), milliseconds_until(request_until_));
  return ready > 0 && wanted[1].revents == 0;
}

bool Connection::is_writable() const {
  const auto until = answer_until_ == Clock::time_point{} ? Clock::now() + patience_.answer : answer_until_;
  pollfd wanted{socket_.get(), POLLOUT, 0};
  return ::poll(&wanted, 1, milliseconds_until(until)) > 0;
}

ssize_t Connection::fill() {
  if (bytes_read_ >= patience_.request_bytes_max || Clock::now() >= request_until_ || !is_readable()) return -1;
  const ssize_t got = ::recv(socket_.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
  first_ = 0, behind_ = size_t(std::max<ssize_t>(got, 0));
  bytes_read_ += behind_;
  return got;
}

ssize_t Connection::read(char* into, size_t size) {
  if (first_ == behind_)
    if (const ssize_t got = fill(); got <= 0) return got;
  const size_t taken = std::min(size, behind_ - first_);
  std::copy_n(buffer_.data() + first_, taken, into);
  first_ += taken;
  return ssize_t(taken);
}

ssize_t Connection::write(const char* bytes, size_t size) {
  if (answer_until_ == Clock::time_point{}) answer_until_ = Clock::now() + patience_.answer;
  if (!is_writable()) return -1;
  return ::send(socket_.get(), bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void Connection::get_remote_ip_and_port(std::string& user, int& process) const {
  const auto peer = peer_credentials(socket_.get());
  if (!peer) return;
  user = std::to_string(peer->user);
  process = peer->pid;
}

}  // namespace cardea::mgmt::api
