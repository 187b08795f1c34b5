#include "l7/control/ocsp_fetch.h"

#include <fmt/format.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <system_error>

#include "base/clock.h"
#include "base/file_descriptor.h"
#include "l7/control/ocsp_reply.h"
#include "l7/control/url.h"

namespace cardea::l7 {
namespace {

using Done = std::expected<void, NoOcspAnswer>;

constexpr int kAddressesMax = 4;  // of a responder's, each within its share of the time

std::unexpected<NoOcspAnswer> away(std::string why) {
  return std::unexpected(NoOcspAnswer{std::move(why), true});
}

std::unexpected<NoOcspAnswer> away(const char* what, int error) {
  return away(fmt::format("{}: {}", what, std::generic_category().message(error)));
}

struct Wait {
  Instant deadline;
  int stop;

  Done on(int socket, short event) const {
    for (;;) {
      std::array<pollfd, 2> watched{{{socket, event, 0}, {stop, POLLIN, 0}}};
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - monotonic_now());
      if (left.count() <= 0) return away("the responder did not answer in time");
      const int ready = ::poll(watched.data(), watched.size(), int(left.count()));
      if (ready < 0 && errno != EINTR) return away("poll", errno);
      if (ready > 0 && watched[1].revents != 0) return away("this process ends");
      if (ready > 0) return {};
    }
  }
};

struct AddressesFree {
  void operator()(addrinfo* all) const { ::freeaddrinfo(all); }
};
using Addresses = std::unique_ptr<addrinfo, AddressesFree>;

std::expected<Addresses, NoOcspAnswer> look_up(const Url& url) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  const int error = ::getaddrinfo(url.host.c_str(), std::to_string(url.port).c_str(), &hints, &found);
  if (error != 0) return away(fmt::format("the responder's name {} is not found: {}", url.host, ::gai_strerror(error)));
  return Addresses(found);
}

std::expected<FileDescriptor, NoOcspAnswer> connect_to(const addrinfo& address, const Wait& wait) {
  FileDescriptor socket(::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return away("socket", errno);
  if (::connect(socket.get(), address.ai_addr, address.ai_addrlen) == 0) return socket;
  if (errno != EINPROGRESS) return away("connect to the responder", errno);
  if (const auto ready = wait.on(socket.get(), POLLOUT); !ready) return std::unexpected(ready.error());
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) return away("connect to the responder", error);
  return socket;
}

// Half of the time that is left for each address but the last: the first may be one of a family that leads nowhere.
std::expected<FileDescriptor, NoOcspAnswer> connect_to(const Url& url, const Wait& wait) {
  const auto addresses = look_up(url);
  if (!addresses) return std::unexpected(addresses.error());
  const addrinfo* at = addresses->get();
  for (int tried = 1;; ++tried, at = at->ai_next) {
    const bool last = at->ai_next == nullptr || tried == kAddressesMax;
    const Instant now = monotonic_now();
    auto socket = connect_to(*at, {last ? wait.deadline : now + (wait.deadline - now) / 2, wait.stop});
    if (socket || last) return socket;
  }
}

Done send_all(int socket, std::string_view text, const Wait& wait) {
  while (!text.empty()) {
    const ssize_t sent = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) return away("send to the responder", errno);
    if (sent > 0) text.remove_prefix(size_t(sent));
    if (sent >= 0) continue;
    if (const auto ready = wait.on(socket, POLLOUT); !ready) return ready;
  }
  return {};
}

// Waits before each read, so that the deadline holds also for who sends without a pause.
OcspAnswer receive(int socket, const Wait& wait) {
  const auto reply = std::make_unique<OcspReply>();
  for (;;) {
    if (const auto ready = wait.on(socket, POLLIN); !ready) return std::unexpected(ready.error());
    const auto room = reply->room();
    const ssize_t got = ::recv(socket, room.data(), room.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got < 0) return away("read from the responder", errno);
    const OcspReply::State state = reply->take(size_t(got));
    if (state == OcspReply::State::kBad) return std::unexpected(NoOcspAnswer{reply->why});
    if (state == OcspReply::State::kDone) return std::move(reply->body);
  }
}

// HTTP/1.0: the body comes in one piece and the connection ends with it.
std::string request_of(const Url& url, std::string_view question) {
  return fmt::format("POST {} HTTP/1.0\r\nHost: {}\r\nContent-Type: application/ocsp-request\r\nAccept: application/ocsp-response\r\n"
                     "Content-Length: {}\r\n\r\n{}",
                     url.target(), url.authority, question.size(), question);
}

}  // namespace

OcspAnswer fetch_ocsp(const std::string& url, std::string_view question, std::chrono::milliseconds timeout, int stop) {
  const auto at = parse_url(url);
  if (!at) return std::unexpected(NoOcspAnswer{at.error().message, true});
  if (at->scheme != "http") return away(fmt::format("\"{}\": responders are asked over plain HTTP", url));
  const Wait wait{monotonic_now() + timeout, stop};
  const auto socket = connect_to(*at, wait);
  if (!socket) return std::unexpected(socket.error());
  if (const auto sent = send_all(socket->get(), request_of(*at, question), wait); !sent) return std::unexpected(sent.error());
  return receive(socket->get(), wait);
}

}  // namespace cardea::l7
