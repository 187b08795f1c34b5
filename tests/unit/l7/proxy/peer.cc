#include "tests/unit/l7/proxy/peer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <charconv>

namespace cardea::l7::proxy::test {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 60s;

// What follows a head in `text` as far as it says so itself; npos: more has to come.
size_t body_end(std::string_view text, size_t at) {
  const std::string_view head = text.substr(0, at);
  if (head.find("Transfer-Encoding: chunked\r\n") != head.npos) {
    const size_t end = text.find("0\r\n\r\n", at);
    return end == text.npos ? end : end + 5;
  }
  constexpr std::string_view kLength = "\r\nContent-Length: ";
  const size_t found = head.find(kLength);
  size_t length = 0;
  if (found != head.npos) std::from_chars(head.data() + found + kLength.size(), head.data() + head.size(), length);
  return text.size() >= at + length ? at + length : text.npos;
}

}  // namespace

bool run_until(Loop& loop, const std::function<bool()>& done) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) return false;
    loop.run_turn(1ms);
  }
  return true;
}

void settle(Loop& loop) {
  for (int i = 0; i < 3; ++i) {
    loop.run_until_idle();
    loop.run_turn(1ms);
  }
}

Peer::Peer(Loop& loop, FileDescriptor socket) : loop_(&loop), socket_(std::move(socket)) {
  ::fcntl(socket_.get(), F_SETFL, O_NONBLOCK);
  const int on = 1;
  ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void Peer::pull() {
  char bytes[65536];
  while (!ended_) {
    const ssize_t count = ::recv(socket_.get(), bytes, sizeof bytes, 0);
    if (count > 0) {
      got_.append(bytes, size_t(count));
    } else if (count == 0 || errno != EAGAIN) {
      ended_ = true;
      reset_ = count < 0;
    } else {
      return;
    }
  }
}

bool Peer::await(const std::function<bool()>& done) {
  return run_until(*loop_, [&] {
    pull();
    return done() || ended_;
  }) && done();
}

size_t Peer::send_what_fits(std::string_view text) {
  size_t sent = 0;
  while (sent < text.size()) {
    const ssize_t count = ::send(socket_.get(), text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    if (count < 0) break;
    sent += size_t(count);
  }
  return sent;
}

void Peer::send(std::string_view text) {
  const bool sent = run_until(*loop_, [&] {
    text.remove_prefix(send_what_fits(text));
    return text.empty() || (errno != EAGAIN && errno != EWOULDBLOCK);
  });
  EXPECT_TRUE(sent) << text.size() << " bytes were never taken";
}

std::string Peer::until(std::string_view text) {
  size_t at = std::string::npos;
  const bool came = await([&] { return (at = got_.find(text)) != std::string::npos; });
  EXPECT_TRUE(came) << "\"" << text << "\" did not come, but: " << got_;
  return take(came ? at + text.size() : got_.size());
}

std::string Peer::take(size_t bytes) {
  EXPECT_TRUE(await([&] { return got_.size() >= bytes; })) << bytes << " bytes wanted, " << got_.size() << " came";
  std::string taken = got_.substr(0, bytes);
  got_.erase(0, bytes);
  return taken;
}

std::string Peer::what_came() {
  pull();
  return std::exchange(got_, {});
}

std::string Peer::message() {
  size_t end = std::string::npos;
  const bool came = await([&] {
    const size_t at = got_.find("\r\n\r\n");
    end = at == std::string::npos ? at : body_end(got_, at + 4);
    return end != std::string::npos;
  });
  EXPECT_TRUE(came) << "no whole message, but: " << got_;
  return take(came ? end : got_.size());
}

std::string Peer::rest() {
  EXPECT_TRUE(await([&] { return ended_; })) << "the connection stays open";
  return std::exchange(got_, {});
}

bool Peer::silent() {
  settle(*loop_);
  pull();
  return got_.empty() && !ended_;
}

bool Peer::ended() {
  settle(*loop_);
  pull();
  return ended_;
}

void Peer::finish() {
  ::shutdown(socket_.get(), SHUT_WR);
}

void Peer::close() {
  socket_.close();
}

void Peer::abort() {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  socket_.close();
}

void Peer::hold_little() {
  const int bytes = 32 << 10;
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

}  // namespace cardea::l7::proxy::test
