// Serving the plan socket.
#include "base/plan_server.h"

#include <sys/epoll.h>

#include <array>
#include <chrono>

#include "base/log.h"

namespace cardea::control {
namespace {

// A request is one short packet and its memfd; a peer that needs longer for the rest of it is not ours.
constexpr std::chrono::milliseconds kRequestDeadline{500};

Result<> watch(int epoll, int fd) {
  epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
  if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) return fail_errno("watch the plan socket");
  return {};
}

}  // namespace

Result<PlanServer> PlanServer::listen(const std::string& path) {
  auto listener = control::listen(path);
  if (!listener) return std::unexpected(std::move(listener).error());
  FileDescriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return fail_errno("epoll of the plan socket");
  if (auto done = watch(epoll.get(), listener->get()); !done) return std::unexpected(std::move(done).error());
  return PlanServer(std::move(*listener), std::move(epoll));
}

void PlanServer::serve(const Answer& answer, int patience_ms) {
  std::array<epoll_event, 8> events;
  const int ready = ::epoll_wait(epoll_.get(), events.data(), int(events.size()), patience_ms);
  for (int i = 0; i < ready; ++i) {
    if (events[size_t(i)].data.fd == listener_.get())
      take_connection();
    else
      serve_one(events[size_t(i)].data.fd, answer);
  }
}

void PlanServer::take_connection() {
  auto connection = control::accept(listener_.get());
  if (!connection) return log::warning("plan socket: {}", connection.error().message);
  if (connections_.size() >= kConnectionsMax)
    return log::warning("plan socket: more than {} connections; closing the newest", kConnectionsMax);
  const int fd = connection->get();
  if (auto done = watch(epoll_.get(), fd); !done) return log::warning("plan socket: {}", done.error().message);
  connections_.emplace(fd, std::move(*connection));
}

void PlanServer::serve_one(int socket, const Answer& answer) {
  auto request = receive(socket, kRequestDeadline);
  if (request) {
    auto sent = send(socket, answer(std::move(*request)));
    if (sent) return;
    log::warning("plan socket: answer not delivered: {}", sent.error().message);
  } else if (!request.error().message.contains("closed")) {
    log::warning("plan socket: {}", request.error().message);
  }
  connections_.erase(socket);
}

}  // namespace cardea::control
