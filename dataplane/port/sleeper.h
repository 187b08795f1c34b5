// A worker's sleep: it ends when one of its queues has packets, when its bell is rung, or when the time is over.
// Devices that cannot tell are looked at again after a nap, so that no packet waits longer than the wake-up limit of
// 100 µs.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

#include "base/error.h"
#include "base/file_descriptor.h"
#include "dataplane/port/doorbell.h"
#include "dataplane/port/port.h"

namespace cardea::dataplane {

struct QueueOfPort {
  const Port* port = nullptr;
  uint16_t queue = 0;
};

class Sleeper {
 public:
  static constexpr std::chrono::microseconds kNap{50};

  // `further_bells`: pipes or eventfds that others ring; they live as long, and reading them does not wait.
  static Result<Sleeper> create(std::span<const QueueOfPort> queues, Doorbell& bell,
                                std::span<const int> further_bells = {});

  // The bell has been armed and the rings were found empty after that. Returns at once when a queue already has
  // packets.
  void sleep(std::chrono::nanoseconds at_most);

 private:
  Sleeper(FileDescriptor epoll, Doorbell& bell) : epoll_(std::move(epoll)), bell_(&bell) {}
  Result<> watch(int fd);
  Result<> add(const QueueOfPort& queue);
  bool arm_interrupts();
  void disarm_interrupts();

  struct Interrupt {
    uint16_t port = 0, queue = 0;
    int fd = -1;
  };
  FileDescriptor epoll_;
  Doorbell* bell_;
  std::vector<Interrupt> interrupts_;
  std::vector<int> counters_;  // to be read: the interrupts' eventfds, and further bells
  bool naps_ = false;
};

}  // namespace cardea::dataplane
