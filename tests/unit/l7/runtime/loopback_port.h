// A port of 127.0.0.1 that is this test's alone as long as the object lives: bound, never listening. Listening sockets of the
// product may be opened on it, closed and opened again (SO_REUSEPORT); while there is none connections are refused, and
// no other test that runs beside this one is given the port meanwhile.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/check.h"
#include "base/file_descriptor.h"
#include "base/ip.h"

namespace cardea::l7 {

class LoopbackPort {
 public:
  LoopbackPort() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const int on = 1;
    sockaddr_in at{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    socklen_t size = sizeof at;
    auto* address = reinterpret_cast<sockaddr*>(&at);
    CHECK(::setsockopt(socket_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0);
    CHECK(::setsockopt(socket_.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0);
    CHECK(::bind(socket_.get(), address, size) == 0 && ::getsockname(socket_.get(), address, &size) == 0);
    number_ = ntohs(at.sin_port);
  }
  uint16_t number() const { return number_; }
  Endpoint endpoint() const { return {IpAddress::v4(INADDR_LOOPBACK), number_}; }

 private:
  FileDescriptor socket_;
  uint16_t number_ = 0;
};

}  // namespace cardea::l7
