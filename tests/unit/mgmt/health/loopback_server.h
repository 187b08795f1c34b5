// A real TCP server on loopback whose behaviour towards each client is a function of the test: it accepts, hands the
// connection over on a thread of its own and closes it afterwards. stop() makes the port refuse.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/check.h"
#include "base/ip.h"

namespace cardea::mgmt::health {

class LoopbackServer {
 public:
  using Serve = std::function<void(int connection)>;

  explicit LoopbackServer(Serve serve, uint16_t port = 0) : serve_(std::move(serve)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    CHECK(::listen(listener_, 512) == 0);
    socklen_t size = sizeof address;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    endpoint_ = {IpAddress::v4(INADDR_LOOPBACK), ntohs(address.sin_port)};
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ~LoopbackServer() { stop(); }

  void stop() {
    if (!acceptor_.joinable()) return;
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    ::close(listener_);
    {
      const std::scoped_lock lock(mutex_);
      for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
    }
    for (auto& thread : connections_) thread.join();
    connections_.clear();
  }

  Endpoint endpoint() const { return endpoint_; }
  int accepted() const { return accepted_; }

 private:
  void accept_all() {
    while (true) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      ++accepted_;
      const std::scoped_lock lock(mutex_);
      open_.push_back(fd);
      connections_.emplace_back([this, fd] {
        serve_(fd);
        const std::scoped_lock closing(mutex_);
        open_.erase(std::find(open_.begin(), open_.end(), fd));
        ::close(fd);
      });
    }
  }

  Serve serve_;
  int listener_ = -1;
  Endpoint endpoint_;
  std::thread acceptor_;
  std::atomic<int> accepted_ = 0;
  std::mutex mutex_;
  std::vector<int> open_;
  std::vector<std::thread> connections_;
};

inline void send_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (n <= 0) return;
    text.remove_prefix(size_t(n));
  }
}

// The request's head; "" when the client went away before.
inline std::string read_head(int fd) {
  std::string head;
  char c = 0;
  while (!head.ends_with("\r\n\r\n") && ::recv(fd, &c, 1, 0) == 1) head += c;
  return head;
}

inline void wait_for_close(int fd) {
  char buffer[4096];
  while (::recv(fd, buffer, sizeof buffer, 0) > 0) {
  }
}

inline LoopbackServer::Serve answer_with(std::string text) {
  return [text = std::move(text)](int fd) {
    read_head(fd);
    send_all(fd, text);
    ::shutdown(fd, SHUT_WR);
    wait_for_close(fd);
  };
}

}  // namespace cardea::mgmt::health
