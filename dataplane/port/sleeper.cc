// Sleeping in epoll on sockets, NIC interrupts and the bell.
#include "dataplane/port/sleeper.h"

#include <rte_ethdev.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace cardea::dataplane {
namespace {

// A packet socket whose interface was set down has an error, and is readable until somebody takes it.
void take_error(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  (void)::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
}

}  // namespace

Result<Sleeper> Sleeper::create(std::span<const QueueOfPort> queues, Doorbell& bell,
                                std::span<const int> further_bells) {
  FileDescriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return fail_errno("epoll of a worker");
  Sleeper sleeper(std::move(epoll), bell);
  if (auto done = sleeper.watch(bell.fd()); !done) return std::unexpected(std::move(done).error());
  for (const QueueOfPort& queue : queues)
    if (auto done = sleeper.add(queue); !done) return std::unexpected(std::move(done).error());
  for (const int further : further_bells) {
    if (auto done = sleeper.watch(further); !done) return std::unexpected(std::move(done).error());
    sleeper.counters_.push_back(further);
  }
  return sleeper;
}

Result<> Sleeper::watch(int fd) {
  epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) < 0) return fail_errno("watch a queue of a worker");
  return {};
}

Result<> Sleeper::add(const QueueOfPort& queue) {
  if (queue.port->wake == Wake::kDescriptor) return watch(queue.port->queue_fds[queue.queue]);
  const int fd =
      queue.port->wake == Wake::kInterrupt ? rte_eth_dev_rx_intr_ctl_q_get_fd(queue.port->id, queue.queue) : -1;
  if (fd < 0) {
    naps_ = true;
    return {};
  }
  interrupts_.push_back({queue.port->id, queue.queue, fd});
  counters_.push_back(fd);
  return watch(fd);
}

// False: a queue got packets while its interrupt was still off.
bool Sleeper::arm_interrupts() {
  for (const Interrupt& each : interrupts_) rte_eth_dev_rx_intr_enable(each.port, each.queue);
  return std::ranges::none_of(interrupts_,
                              [](const Interrupt& each) { return rte_eth_rx_queue_count(each.port, each.queue) > 0; });
}

void Sleeper::disarm_interrupts() {
  for (const Interrupt& each : interrupts_) rte_eth_dev_rx_intr_disable(each.port, each.queue);
}

void Sleeper::sleep(std::chrono::nanoseconds at_most) {
  const auto time = naps_ ? std::min<std::chrono::nanoseconds>(at_most, kNap) : at_most;
  const timespec limit{.tv_sec = time.count() / 1'000'000'000, .tv_nsec = time.count() % 1'000'000'000};
  std::array<epoll_event, 16> events;
  const int ready =
      arm_interrupts() ? ::epoll_pwait2(epoll_.get(), events.data(), int(events.size()), &limit, nullptr) : 0;
  disarm_interrupts();
  for (int i = 0; i < ready; ++i) {
    const int fd = events[size_t(i)].data.fd;
    if (fd == bell_->fd()) bell_->quiet();
    if (events[size_t(i)].events & EPOLLERR) take_error(fd);
    if (std::ranges::find(counters_, fd) == counters_.end()) continue;
    std::array<char, 512> rung;  // what is left in a pipe wakes the next sleep
    [[maybe_unused]] const ssize_t got = ::read(fd, rung.data(), rung.size());
  }
}

}  // namespace cardea::dataplane
