// Serving the plan socket.
#include "base/plan_server.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <chrono>

#include "base/log.h"
#include "base/peer_credentials.h"

namespace cardea::control {
namespace {

// A request is one short packet and its memfd; a peer that needs longer for the rest of it is not ours.
constexpr std::chrono::milliseconds kRequestDeadline{500};
constexpr std::chrono::seconds kAcceptPause{1};  // when a connection could not be accepted, for want of descriptors

// While an answer is being thought of only the peer's end is heard.
void listen_to(int epoll, int fd, bool requests) {
  epoll_event event{.events = requests ? uint32_t{EPOLLIN} : 0, .data = {.fd = fd}};
  ::epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event);
}

Result<> watch(int epoll, int fd) {
  epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
  if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) return fail_errno("watch the plan socket");
  return {};
}

}  // namespace

Result<PlanServer> PlanServer::listen(const std::string& path) {
  auto listener = control::listen(path);
  if (!listener) return std::unexpected(std::move(listener).error());
  return over(std::move(*listener));
}

Result<PlanServer> PlanServer::over(FileDescriptor listener) {
  FileDescriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return fail_errno("epoll of the plan socket");
  FileDescriptor timer(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!timer) return fail_errno("timer of the plan socket");
  for (const int fd : {listener.get(), timer.get()})
    if (auto done = watch(epoll.get(), fd); !done) return std::unexpected(std::move(done).error());
  return PlanServer(std::move(listener), std::move(timer), std::move(epoll));
}

// What is shared does not leave the epoll by being closed here.
void PlanServer::pass_on() {
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, listener_.get(), nullptr);
  listener_.close();
  connections_.clear();
}

Result<> PlanServer::own() {
  if (::listen(listener_.get(), kBacklog) != 0) return fail_errno("listen at the plan socket");
  return {};
}

void PlanServer::serve(const Answer& answer, int patience_ms) {
  serve_late([&](Message request, Ticket) { return std::optional(answer(std::move(request))); }, patience_ms);
}

void PlanServer::serve_late(const LateAnswer& answer, int patience_ms) {
  std::array<epoll_event, 8> events;
  const int ready = ::epoll_wait(epoll_.get(), events.data(), int(events.size()), patience_ms);
  for (int i = 0; i < ready; ++i) {
    if (events[size_t(i)].data.fd == listener_.get())
      take_connection();
    else if (events[size_t(i)].data.fd == timer_.get())
      listen_again();
    else
      serve_one(events[size_t(i)].data.fd, answer);
  }
}

void PlanServer::take_connection() {
  auto connection = control::accept(listener_.get());
  if (!connection) {
    log::warning("plan socket: {}", connection.error().message);
    return pause_listening();
  }
  const auto peer = peer_credentials(connection->get());
  if (!peer) return log::warning("plan socket: {}", peer.error().message);
  if (!is_own_kind(*peer) && peer->user != admitted_)
    return log::warning("plan socket: process {} of user {} and group {} may not hand over plans; closing", peer->pid,
                        peer->user, peer->group);
  if (connections_.size() >= kConnectionsMax)
    return log::warning("plan socket: more than {} connections; closing the newest", kConnectionsMax);
  const int fd = connection->get();
  if (auto done = watch(epoll_.get(), fd); !done) return log::warning("plan socket: {}", done.error().message);
  connections_.emplace(fd, Connection{.socket = std::move(*connection)});
}

// Whoever waits to be accepted makes the socket readable: without descriptors for him, it would be so all the time.
void PlanServer::pause_listening() {
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, listener_.get(), nullptr);
  const itimerspec pause{.it_interval = {}, .it_value = {.tv_sec = kAcceptPause.count(), .tv_nsec = 0}};
  ::timerfd_settime(timer_.get(), 0, &pause, nullptr);
}

void PlanServer::listen_again() {
  uint64_t times = 0;
  if (::read(timer_.get(), &times, sizeof times) < 0) return;
  if (auto done = watch(epoll_.get(), listener_.get()); !done) log::warning("plan socket: {}", done.error().message);
}

// Events are gathered before the first is served, which may have ended the connection of a later one.
void PlanServer::serve_one(int socket, const LateAnswer& answer) {
  const auto entry = connections_.find(socket);
  if (entry == connections_.end()) return;
  Connection& connection = entry->second;
  if (connection.waits_for != 0) return end(socket);  // its end is all that is heard
  auto request = receive(socket, kRequestDeadline);
  if (!request) {
    if (request.error().code != Code::kClosed) log::warning("plan socket: {}", request.error().message);
    return end(socket);
  }
  connection.waits_for = ++tickets_;
  if (const auto message = answer(std::move(*request), connection.waits_for)) return deliver(socket, *message);
  listen_to(epoll_.get(), socket, false);
}

void PlanServer::reply(Ticket ticket, const Message& message) {
  if (ticket == 0) return;
  for (const auto& [socket, connection] : connections_)
    if (connection.waits_for == ticket) {
      listen_to(epoll_.get(), socket, true);
      return deliver(socket, message);
    }
}

void PlanServer::deliver(int socket, const Message& message) {
  connections_.at(socket).waits_for = 0;
  if (auto sent = send(socket, message); !sent) {
    log::warning("plan socket: answer not delivered: {}", sent.error().message);
    end(socket);
  }
}

// Closing alone would not end its events while another process, forked meanwhile, has the same socket open.
void PlanServer::end(int socket) {
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, socket, nullptr);
  connections_.erase(socket);
}

}  // namespace cardea::control
