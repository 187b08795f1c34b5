#include "mgmt/health/probe_socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace cardea::mgmt::health {
namespace {

using Kind = Transfer::Kind;

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

SocketAddress socket_address(const Endpoint& endpoint) {
  SocketAddress out;
  if (endpoint.address.is_v4()) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(out.storage);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(endpoint.port);
    std::memcpy(&v4.sin_addr, endpoint.address.v4_data(), 4);
    out.size = sizeof v4;
  } else {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(out.storage);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(endpoint.port);
    std::memcpy(&v6.sin6_addr, endpoint.address.bytes.data(), 16);
    out.size = sizeof v6;
  }
  return out;
}

}  // namespace

Transfer ProbeSocket::connect(const Endpoint& to) {
  const SocketAddress address = socket_address(to);
  fd_ = FileDescriptor(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd_) return transfer_failure(errno);
  const int on = 1;
  ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.size) == 0) return {};
  // EAGAIN from connect means that no local port is free (connect(2)).
  if (errno == EAGAIN) return transfer_failure(EADDRNOTAVAIL);
  if (errno == EINPROGRESS || errno == EINTR) return {.kind = Kind::kWantWrite};
  return transfer_failure(errno);
}

Transfer ProbeSocket::finish_connect() {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) return transfer_failure(errno);
  if (error != 0) return transfer_failure(error);
  return {};
}

void ProbeSocket::close_by_reset() {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  fd_ = {};
}

Transfer ProbeSocket::read(std::span<char> into) {
  const ssize_t n = ::recv(fd_.get(), into.data(), into.size(), 0);
  if (n > 0) return {.size = size_t(n)};
  if (n == 0) return {.kind = Kind::kClosed};
  if (errno == EAGAIN || errno == EINTR) return {.kind = Kind::kWantRead};
  return transfer_failure(errno);
}

Transfer ProbeSocket::write(std::string_view bytes) {
  const ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (n >= 0) return {.size = size_t(n)};
  if (errno == EAGAIN || errno == EINTR) return {.kind = Kind::kWantWrite};
  return transfer_failure(errno);
}

}  // namespace cardea::mgmt::health
